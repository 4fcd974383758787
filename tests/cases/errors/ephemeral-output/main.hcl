variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

output "ticket" {
  value = { ticket = var.ticket }
}
