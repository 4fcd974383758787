resource "azurerm_virtual_network" "hub" {}
