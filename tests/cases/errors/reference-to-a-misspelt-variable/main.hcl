variable "hub_name" {
  default = "hub"
}
locals {
  a = var.hub_nmae
}
