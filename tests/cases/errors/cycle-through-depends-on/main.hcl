dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
  depends_on     = [dns_zone.b]
}
dns_zone "b" {
  name           = "b.example.org"
  resource_group = "rg"
  depends_on     = [dns_zone.a]
}
