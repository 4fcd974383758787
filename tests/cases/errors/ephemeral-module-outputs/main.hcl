variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

module "eu" {
  source = "./region"
  ticket = var.ticket
}
