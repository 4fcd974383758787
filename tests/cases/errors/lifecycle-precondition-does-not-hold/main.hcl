variable "name" {
  default = "hub"
}
network "hub" {
  name           = var.name
  resource_group = "rg"
  lifecycle {
    precondition {
      condition     = startswith(var.name, "vnet-")
      error_message = "Networks are named vnet-…, this one is ${var.name}."
    }
  }
}
