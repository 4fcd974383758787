azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

network "a" {
  name = "vnet-a"
}
network "b" {
  name = "vnet-b"
}
vnet_peering "ab" {
  from    = network.a
  to      = network.b
  forward = {
    allow_gateway_transit = true
  }
}
