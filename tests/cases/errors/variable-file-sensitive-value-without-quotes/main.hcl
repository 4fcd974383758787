variable "shop_password" {
  sensitive = true
}
variable "pins" {
  sensitive = true
  type      = list(number)
}
variable "keys" {
  sensitive = true
  type      = list(string)
}

azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
}

source "shop" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.shop_password
}
output "pins" {
  sensitive = true
  value     = [var.pins, var.keys]
}
