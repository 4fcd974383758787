network "hub" {
  enabled = false
  name    = "vnet-hub"
}
locals {
  a = network.hub.name
}
