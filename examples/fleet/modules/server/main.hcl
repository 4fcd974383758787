# One server: where its databases are, where they go, and the move itself.

variable "name" {
  description = "Name in the inventory."
  type        = string
}

variable "host" {
  description = "Address in the data centre."
  type        = string
}

variable "databases" {
  type = set(string)

  validation {
    condition     = length(var.databases) > 0
    error_message = "The server ${var.name} has no databases."
  }
}

variable "source_network" {
  description = "The network whose gateway reaches the source."
}

variable "target_network" {
  description = "The network that the target is injected into."
}

variable "source_password" {
  type      = string
  sensitive = true
}

variable "target_password" {
  type      = string
  sensitive = true
}

source "this" {
  type     = "on_premises"
  host     = var.host
  username = "migrator"
  password = var.source_password
  network  = var.source_network
}

target "this" {
  name           = "pg-${var.name}"
  admin_username = "pgadmin"
  admin_password = var.target_password
  network        = var.target_network
}

database_batch "this" {
  source    = source.this
  target    = target.this
  databases = var.databases
}

output "host" {
  value = target.this.fqdn
}

output "databases" {
  value = length(var.databases)
}
