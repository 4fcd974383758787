locals {
  a = var.hub_name
}
