variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

network "hub" {
  name           = "vnet-${lower(var.ticket)}"
  resource_group = "rg"
}
