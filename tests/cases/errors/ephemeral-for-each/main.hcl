variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

network "spoke" {
  for_each       = toset([var.ticket])
  name           = "vnet-spoke"
  resource_group = "rg"
}
