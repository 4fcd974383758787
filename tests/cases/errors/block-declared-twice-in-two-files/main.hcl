network "hub" {
  name = "vnet-hub"
}
