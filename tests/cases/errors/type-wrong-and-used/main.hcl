azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
  location        = "westeurope"
}

dns_zone "z" {
  name = ["contoso.example"]
}

output "length" {
  value = upper(dns_zone.z.name)
}
