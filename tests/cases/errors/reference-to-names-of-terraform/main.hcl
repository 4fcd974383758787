locals {
  a = count.index
  b = data.azurerm_client_config.current
  c = terraform.workspace
  d = path.here
  e = azurerm_virtual_network.hub.id
}
