azure {
  location = network.hub.location
}
network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
}
