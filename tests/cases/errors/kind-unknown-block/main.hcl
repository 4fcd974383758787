source "erp" {
  type     = "on_premises"
  password = var.password
  host     = "10.0.0.1"
  username = "migrator"
  connection {
    user = "x"
  }
}
variable "password" {
  sensitive = true
}
