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
  dynamic "forward" {
    content {
      allow_gateway_transit = true
    }
  }
}
