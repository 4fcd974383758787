azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
security_group "g" {
  name = "nsg"
}
security_rule "by_id" {
  security_group             = "nsg"
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.0/16"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
network "n" {
  name = "vnet"
}
security_rule "network" {
  security_group             = network.n
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.0/16"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
