locals {
  a = provider::azurerm::parse("x")
}
