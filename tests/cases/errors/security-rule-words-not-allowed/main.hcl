azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
security_group "g" {
  name = "nsg"
}
security_rule "words" {
  security_group             = security_group.g
  priority                   = 65000
  direction                  = "in"
  access                     = "Allow"
  protocol                   = "postgresql"
  source_address_prefix      = "*"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
security_rule "long" {
  security_group             = security_group.g
  name                       = "in/out"
  priority                   = 100
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "*"
  source_address_prefix      = "*"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
}
security_rule "described" {
  security_group             = security_group.g
  priority                   = 100
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "*"
  source_address_prefix      = "*"
  destination_address_prefix = "*"
  destination_port_range     = "5432"
  description                = format("%0141d", 0)
}
security_group "h" {
  name     = "nsg"
  group_id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg"
}
security_group "i" {}
