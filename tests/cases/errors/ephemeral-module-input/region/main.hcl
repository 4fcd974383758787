variable "ticket" {}
output "ticket" {
  value = var.ticket
}
