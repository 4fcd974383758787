# Two hundred servers of an inventory move into flexible servers of their own, wave by wave. What all have in common stands
# here; what each of them needs stands in modules/server.

azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-fleet"
  location        = "westeurope"
}

variable "waves" {
  description = "The waves that may go. Raise it in a change of its own, night by night."
  type        = set(number)
  default     = [1, 2, 3]

  validation {
    condition     = alltrue([for wave in var.waves : wave >= 1 && wave <= 3])
    error_message = "There are the waves 1, 2 and 3."
  }
}

variable "source_password" {
  description = "Password of `migrator` on every source."
  type        = string
  sensitive   = true
}

variable "target_password" {
  description = "Password of `pgadmin` on every target."
  type        = string
  sensitive   = true
}

locals {
  servers = yamldecode(file("${path.module}/inventory.yaml")).servers
}

# The hub's gateway reaches the data centre; all targets are injected into one network.
network "hub" {
  name = "vnet-hub"
}

network "data" {
  name = "vnet-data"
}

vnet_peering "hub_data" {
  from = network.hub
  to   = network.data

  forward {
    allow_gateway_transit = true
  }
  reverse {
    use_remote_gateways = true
  }
}

dns_zone "fleet" {
  name = "fleet.private.postgres.database.azure.com"
}

dns_link "fleet" {
  zone     = dns_zone.fleet
  networks = [network.hub]
}

module "server" {
  for_each = local.servers
  enabled  = contains(var.waves, each.value.wave)
  source   = "./modules/server"

  name            = each.key
  host            = each.value.host
  databases       = each.value.databases
  source_network  = network.hub
  target_network  = network.data
  source_password = var.source_password
  target_password = var.target_password
}

check "inventory" {
  assert {
    condition     = length(distinct([for server in local.servers : server.host])) == length(local.servers)
    error_message = "Two servers of the inventory have the same address."
  }
}

output "hosts" {
  description = "Where applications connect after the move."
  value       = { for name, server in module.server : name => server.host }
}

output "databases" {
  value = sum([for server in module.server : server.databases])
}
