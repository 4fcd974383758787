# Azure's tutorial of an online migration, as configuration: four databases of PostgreSQL 14.8 on a virtual machine move into a
# flexible server, both with public addresses. The cloud is the simulator that pgferry carries; the README says what to change
# for a real one.

azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-tutorial"
  location        = "westeurope"
}

variable "source_password" {
  description = "Password of `migrator` on the virtual machine."
  type        = string
  sensitive   = true
}

variable "target_password" {
  description = "Password of `pgadmin` on the target."
  type        = string
  sensitive   = true
}

source "vm" {
  type     = "azure_vm"
  host     = "203.0.113.25"
  username = "migrator"
  password = var.source_password
  ssl_mode = "prefer"
}

target "flexible" {
  name           = "pg-tutorial"
  admin_username = "pgadmin"
  admin_password = var.target_password
}

locals {
  databases = ["ticketdb", "timedb", "salesdb", "postgres"]
}

database_batch "tutorial" {
  source    = source.vm
  target    = target.flexible
  databases = local.databases
  mode      = "online"

  # The tutorial's `overwriteDbsInTarget`. Here it is said of each database, since what may be lost is one of them at a time.
  accept_loss = { for name in local.databases : name => "overwrite" }

  cutover {
    policy = "manual"
  }
}
