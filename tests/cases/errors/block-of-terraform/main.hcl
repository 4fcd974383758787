terraform {
  required_version = "~> 1.5"
}

provider "azurerm" {
  features {}
}

resource "azurerm_virtual_network" "hub" {
  name = "hub"
}

data "azurerm_client_config" "current" {}
