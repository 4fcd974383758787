variable "password" {
  sensitive = true
}
source "erp" {
  type     = "on_premise"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.password
  ssl_mode = "required"
}
