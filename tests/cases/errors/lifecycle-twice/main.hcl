network "hub" {
  name           = "hub"
  resource_group = "rg"
  lifecycle {
    prevent_destroy = true
  }
  lifecycle {
    prevent_destroy = true
  }
}
