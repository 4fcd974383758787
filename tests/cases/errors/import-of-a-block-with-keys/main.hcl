azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}

dns_zone "each" {
  for_each = toset(["a.example.org", "b.example.org"])
  name     = each.key
}

dns_zone "one" {
  name = "c.example.org"
}

import {
  to = dns_zone.each
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/a.example.org"
}

import {
  to = dns_zone.each["c.example.org"]
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/c.example.org"
}

import {
  to = dns_zone.one["c"]
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/c.example.org"
}
