# One database of a server with a public address moves into a flexible server with a public address, offline. There is no
# network to prepare and no runtime server. The cloud is the simulator that pgferry carries; the README says what to change for
# a real one.

azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-shop"
  location        = "westeurope"
}

variable "shop_password" {
  description = "Password of `migrator` on the source."
  type        = string
  sensitive   = true
}

variable "target_password" {
  description = "Password of `pgadmin` on the target."
  type        = string
  sensitive   = true
}

source "shop" {
  type     = "on_premises"
  host     = "203.0.113.10"
  username = "migrator"
  password = var.shop_password
  ssl_mode = "require"
}

target "shop" {
  name           = "pg-shop"
  admin_username = "pgadmin"
  admin_password = var.target_password
}

database_batch "shop" {
  source    = source.shop
  target    = target.shop
  databases = ["shop"]
  mode      = "offline"
}
