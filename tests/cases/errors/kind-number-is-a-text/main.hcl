variable "password" {
  sensitive = true
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  port     = "many"
  username = "migrator"
  password = var.password
}
