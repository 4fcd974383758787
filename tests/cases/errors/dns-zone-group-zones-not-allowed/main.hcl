azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
variable "password" {
  sensitive = true
}
network "n" {
  name = "vnet"
}
target "t" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
source "s" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = var.password
}
private_endpoint "e" {
  server  = target.t
  network = network.n
  subnet  = "ends"
}
dns_zone "one" {
  name = "privatelink.postgres.database.azure.com"
}
dns_zone "two" {
  name           = "privatelink.postgres.database.azure.com"
  resource_group = "rg-hub"
}
dns_zone_group "twice" {
  endpoint = private_endpoint.e
  zones    = [dns_zone.one, dns_zone.two]
}
dns_zone_group "none" {
  endpoint = private_endpoint.e
  name     = "other"
  zones    = []
}
dns_zone_group "of_a_target" {
  endpoint = target.t
  zones    = [network.n]
}
