azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
}
dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
}
import {
  to = dns_zone.a
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/a.example.org"
}
import {
  to = dns_zone.a
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/a.example.org"
}
