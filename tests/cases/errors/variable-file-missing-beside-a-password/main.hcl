azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
}

variable "erp_password" {
  sensitive = true
}

source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.erp_password
}

target "erp" {
  name           = "pg-erp"
  resource_group = "rg"
  admin_username = "pgadmin"
  admin_password = "${var.erp_password}!"
}
