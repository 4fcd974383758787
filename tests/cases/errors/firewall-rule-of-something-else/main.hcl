azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
variable "password" {
  sensitive = true
}
target "t" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
network "n" {
  name = "vnet"
}
firewall_rule "a" {
  server           = network.n
  start_ip_address = "203.0.113.31"
}
firewall_rule "b" {
  server           = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
  start_ip_address = "203.0.113.31"
}
firewall_rule "c" {
  server   = target.t
  start_ip = "203.0.113.31"
}
