azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
security_group "g" {
  name = "nsg"
}
security_rule "both" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.0/16"
  source_address_prefixes    = ["10.2.0.0/16"]
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
security_rule "neither" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
security_rule "ports" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.0/16"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
  destination_port_ranges    = ["5433"]
  source_port_range          = "*"
  source_port_ranges         = ["1024-65535"]
}
