variable "password" {
  sensitive = true
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  port     = 70000
  username = "migrator"
  password = var.password
}
