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
target "erp" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.password
  network  = network.hub.id
}
database_batch "wave1" {
  source    = source.erp.id
  target    = target.erp
  databases = ["erp"]
}
network "spoke" {
  for_each = toset(["a"])
  name     = each.key
}
vnet_peering "hub" {
  from = network.hub.name
  to   = network.spoke["a"].id
}
vnet_peering "spokes" {
  for_each = toset(["a"])
  from     = network.spoke[each.key].id
  to       = target.erp.id
}
