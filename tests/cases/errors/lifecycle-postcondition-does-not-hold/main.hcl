network "hub" {
  name           = "hub"
  resource_group = "rg"
  lifecycle {
    postcondition {
      condition     = startswith(self.name, "vnet-")
      error_message = "Networks are named vnet-…."
    }
  }
}
