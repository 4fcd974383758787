variable "ticket" {
  type      = string
  ephemeral = true
  default   = "T-1"
}

azure {
  tags = { ticket = var.ticket }
}
network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
}
