# What guards a server and its networks, and what its name leads to: a firewall, a rule of a security group, a private
# endpoint with the zone that names it, and a batch that waits for all of them.

azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
  location        = "westeurope"
}

variable "erp_password" {
  type      = string
  sensitive = true
}

variable "target_password" {
  type      = string
  sensitive = true
}

network "erp" {
  name = "vnet-erp"
}

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
  network        = network.erp
}

firewall_rule "office" {
  server           = target.erp
  start_ip_address = "203.0.113.16"
  end_ip_address   = "203.0.113.31"
}

security_group "erp" {
  name = "nsg-erp"
}

security_rule "postgresql" {
  security_group             = security_group.erp
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "203.0.113.16/28"
  destination_address_prefix = "VirtualNetwork"
  destination_port_range     = "5432"
}

private_endpoint "erp" {
  server  = target.erp
  network = network.erp
  subnet  = "snet-endpoints"
}

dns_zone "endpoint" {
  name = "privatelink.postgres.database.azure.com"
}

dns_link "endpoint" {
  zone     = dns_zone.endpoint
  networks = [network.erp]
}

dns_zone_group "erp" {
  endpoint = private_endpoint.erp
  zones    = [dns_zone.endpoint]
}

database_batch "erp" {
  source    = source.erp
  target    = target.erp
  databases = ["salesdb", "stockdb", "hrdb"]
}
