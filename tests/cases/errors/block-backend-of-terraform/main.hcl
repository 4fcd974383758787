pgferry {
  backend "azurerm" {
    container_name = "tfstate"
  }
}
