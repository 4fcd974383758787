variable "ticket" {
  ephemeral = true
}

output "undeclared" {
  value = var.ticket
}

output "plain" {
  value     = "plain"
  ephemeral = true
}

output "right" {
  value     = var.ticket
  ephemeral = true
}
