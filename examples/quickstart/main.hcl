# Nineteen databases of a server in a data centre move into a private flexible server, online, through a runtime server.
# The cloud is the simulator that pgferry carries: nothing here needs a subscription. Replace `cloud` and `world` by
# nothing, and the ids by yours, and the same files move real databases.

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
  databases = concat(
    ["ticketdb", "timedb", "salesdb", "hrdb", "crmdb", "stockdb", "mailroom", "archive"],
    [for region in ["north", "south", "east", "west"] : "orders_${region}"],
    [for year in range(2020, 2027) : "ledger_${year}"],
  )
}

# The hub's gateway reaches the data centre; the runtime server and the target's private endpoint each have a network.
network "onprem_hub" {
  name = "vnet-hub"
}

network "runtime" {
  name = "vnet-runtime"
}

network "target" {
  name = "vnet-target"
}

source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = var.erp_password
  ssl_mode = "require"
  network  = network.onprem_hub
}

target "erp" {
  name           = "pg-erp-prod"
  admin_username = "pgadmin"
  admin_password = var.target_password
  network        = network.target
}

runtime_server "shared" {
  name    = "pg-runtime"
  network = network.runtime
}

# The runtime server talks to both ends. Peering is not transitive: source to target would not help.
vnet_peering "hub_runtime" {
  from = network.onprem_hub
  to   = network.runtime

  forward {
    allow_gateway_transit = true
  }
  reverse {
    use_remote_gateways = true
  }
}

vnet_peering "runtime_target" {
  from = network.runtime
  to   = network.target
}

# Both ends resolve the runtime server; the runtime server and the target's network resolve the private endpoint.
dns_link "runtime_zone" {
  zone     = runtime_server.shared.private_dns_zone_id
  networks = [network.onprem_hub, network.target]
}

dns_zone "endpoint" {
  name = "privatelink.postgres.database.azure.com"
}

dns_link "endpoint" {
  zone     = dns_zone.endpoint
  networks = [network.runtime, network.target]
}

database_batch "wave1" {
  source         = source.erp
  target         = target.erp
  runtime_server = runtime_server.shared
  databases      = local.databases
  mode           = "online"

  cutover {
    policy = "automatic"
  }
}

output "target_host" {
  description = "Where applications connect after the cutover."
  value       = target.erp.fqdn
}

output "databases" {
  value = length(database_batch.wave1.databases)
}
