dns_zone "a" {
  name = "a.example.org"
}
