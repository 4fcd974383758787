terraform { backend "azurerm" { key = "x" } }
