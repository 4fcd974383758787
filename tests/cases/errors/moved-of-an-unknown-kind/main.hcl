moved {
  from = azurerm_virtual_network.a
  to   = network.b
}
