import {
  to       = dns_zone.a
  id       = "x"
  provider = azurerm
}
