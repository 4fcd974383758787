network "hub" {
  name           = "hub"
  resource_group = "rg"
}
