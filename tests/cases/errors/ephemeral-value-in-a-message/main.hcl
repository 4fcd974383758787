variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
  lifecycle {
    precondition {
      condition     = var.ticket == "T-2"
      error_message = "The ticket is ${var.ticket}."
    }
  }
}
