network "hub" {
  name = "vnet-hub"
}
locals {
  a = network.hub["x"].name
}
