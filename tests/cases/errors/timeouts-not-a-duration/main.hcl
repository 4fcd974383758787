dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
  timeouts {
    create = "half an hour"
    read   = "5m"
  }
}
