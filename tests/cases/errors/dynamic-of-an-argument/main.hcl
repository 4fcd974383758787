variable "password" {
  sensitive = true
}

source "erp" {
  type     = "on_premises"
  username = "migrator"
  password = var.password

  dynamic "host" {
    for_each = ["10.0.0.1"]
    content {}
  }
}
