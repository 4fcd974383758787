azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
}
import {
  to = dns_zone.a
  id = "a.example.org"
}
