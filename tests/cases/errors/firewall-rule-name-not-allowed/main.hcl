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
  for_each         = { "head quarters" = "203.0.113.31" }
  server           = target.t
  start_ip_address = each.value
}
firewall_rule "branch" {
  server           = target.t
  name             = "branch-"
  start_ip_address = "203.0.113.31"
}
firewall_rule "a" {
  server           = target.t
  name             = "same"
  start_ip_address = "203.0.113.31"
}
firewall_rule "b" {
  server           = target.t
  name             = "Same"
  start_ip_address = "203.0.113.32"
}
