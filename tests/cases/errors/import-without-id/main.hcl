dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
}
import {
  to = dns_zone.a
}
