variable "password" {
  sensitive = true
}
output "password" {
  value = upper(var.password)
}
