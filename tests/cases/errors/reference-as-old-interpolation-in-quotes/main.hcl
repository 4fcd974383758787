azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
}
source "erp" {
  type     = "on_premises"
  host     = "a"
  username = "migrator"
  password = var.password
  network = "network.hub"
}
variable "password" {
  sensitive = true
}
