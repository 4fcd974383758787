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
firewall_rule "host_name" {
  server           = target.t
  start_ip_address = "office.example.com"
}
firewall_rule "newer" {
  server           = target.t
  start_ip_address = "2001:db8::1"
}
firewall_rule "prefix" {
  server           = target.t
  start_ip_address = "203.0.113.16/28"
}
firewall_rule "both" {
  server           = target.t
  start_ip_address = "203.0.113.256"
  end_ip_address   = ""
}
