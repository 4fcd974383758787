variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

network "hub" {
  enabled        = var.ticket != ""
  name           = "vnet-hub"
  resource_group = "rg"
}
