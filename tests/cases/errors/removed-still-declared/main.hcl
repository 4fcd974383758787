network "old" {
  name           = "hub"
  resource_group = "rg"
}
removed {
  from = network.old
}
