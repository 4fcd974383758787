azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
variable "password" {
  sensitive = true
}
network "hub" {
  name = "vnet-hub"
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.password
  network  = network.hub
}
target "erp" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
locals {
  cells = { for name in ["short", join("-", [for number in range(60) : "cell"])] : name => name }
}
database_batch "wave1" {
  for_each  = local.cells
  source    = source.erp
  target    = target.erp
  databases = ["erp_${each.key == "short" ? 1 : 2}"]
}
dns_zone "z" {
  for_each = local.cells
  name     = each.key == "short" ? "a.example.org" : "b.example.org"
}
