network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
}
dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
  depends_on     = [network.hub.id, "network.hub", local.a, network.hbu]
}
dns_zone "b" {
  name           = "b.example.org"
  resource_group = "rg"
  depends_on     = network.hub
}
locals {
  a = 1
}
