azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
security_group "g" {
  name = "nsg"
}
security_rule "tag_in_a_list" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefixes    = ["10.2.0.0/16", "VirtualNetwork"]
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
security_rule "prefix" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.2.0.0/33"
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
  destination_port_range     = "5439-5432"
}
security_rule "port_by_name" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.0/16"
  destination_address_prefix = "*"
  destination_port_ranges    = ["5432", "postgresql"]
}
security_rule "nothing" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefixes    = []
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
