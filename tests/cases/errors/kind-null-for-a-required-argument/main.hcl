network "hub" {
  name           = null
  resource_group = "rg"
}
