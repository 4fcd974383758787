azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

dns_zone "a" {
  name           = "example"
  resource_group = "rg"
}
dns_zone "b" {
  name           = "-b.example.org"
  resource_group = "rg."
}
network "c" {
  name           = "vnet_"
  resource_group = "rg"
}
target "d" {
  name           = "PG-ERP"
  resource_group = "rg"
}
