locals {
  region = "westeurope"
}
variable "region" {
  default = local.region
}
