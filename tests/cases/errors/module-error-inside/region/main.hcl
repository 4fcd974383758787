variable "names" {
  type = list(string)
}
output "second" {
  value = var.names[1]
}
