azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
variable "a" {
  type = string
}
variable "b" {
  type    = list(any)
  default = []
}
variable "c" {
  type    = list(string)
  default = []
}
