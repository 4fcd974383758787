variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

output "ticket" {
  value     = var.ticket
  ephemeral = true
}
