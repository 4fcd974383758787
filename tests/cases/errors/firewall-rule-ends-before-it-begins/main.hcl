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
firewall_rule "office" {
  server           = target.t
  start_ip_address = "203.0.113.31"
  end_ip_address   = "203.0.113.16"
}
