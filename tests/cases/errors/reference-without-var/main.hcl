variable "region" {
  default = "westeurope"
}
locals {
  a = region
  b = vars.region
  c = locals.a
}
