source "erp" {
  type     = "on_premises"
  hots     = "10.0.0.1"
  username = "migrator"
  password = var.password
}
variable "password" {
  sensitive = true
}
