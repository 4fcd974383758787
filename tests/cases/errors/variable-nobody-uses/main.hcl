azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

variable "region" {
  default = "x"
}
variable "mode" {
  default = "x"
}
network "hub" {
  name           = var.region
  resource_group = "rg"
}
