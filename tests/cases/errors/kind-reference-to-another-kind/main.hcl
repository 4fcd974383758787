azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}

variable "password" {
  sensitive = true
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.password
  network  = dns_zone.a
}
dns_zone "a" {
  name           = "a.example.org"
  resource_group = "rg"
}
