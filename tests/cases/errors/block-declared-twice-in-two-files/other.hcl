network "hub" {
  name = "vnet-hub-2"
}
