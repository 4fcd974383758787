# Three databases of a PostgreSQL server with a public address move into a flexible server with public access, offline. No
# network of yours takes part: the target itself connects to the source. The cloud is the simulator that pgferry carries;
# replace `cloud` and `world` by nothing, and the names by yours, and the same file moves real databases.

azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
  location        = "westeurope"
}

variable "erp_password" {
  description = "Password of `migrator` on the source."
  type        = string
  sensitive   = true
}

variable "target_password" {
  description = "Password of `pgadmin` on the target."
  type        = string
  sensitive   = true
}

locals {
  # Whoever connects to the target once the databases are there, and pgferry itself when it compares both ends.
  offices = {
    headquarters = "203.0.113.16/28"
    warehouse    = "198.51.100.7/32"
  }
}

# The firewall in front of the source must let the target in: ask the people in charge of it to allow its address.
source "erp" {
  type     = "on_premises"
  host     = "pg.example.com"
  username = "migrator"
  password = var.erp_password
  ssl_mode = "require"
}

target "erp" {
  name           = "pg-erp-prod"
  admin_username = "pgadmin"
  admin_password = var.target_password
}

firewall_rule "office" {
  for_each = local.offices

  server           = target.erp
  start_ip_address = cidrhost(each.value, 0)
  end_ip_address   = cidrhost(each.value, -1)
}

database_batch "erp" {
  source    = source.erp
  target    = target.erp
  databases = ["salesdb", "stockdb", "hrdb"]
}

output "target_host" {
  description = "Where applications connect once the databases have arrived."
  value       = target.erp.fqdn
}
