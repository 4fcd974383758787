azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

network "a" {
  name = "a"
  resource_group = "rg"
}
network "b" {
  name = "b"
  resource_group = "rg"
}
vnet_peering "ab" {
  from = network.a
  to   = network.b
  dynamic "foward" {
    for_each = [1]
    content {
      allow_gateway_transit = true
    }
  }
}
