module "eu" {
  source = "./region"
  count  = 2
  providers = {
    azurerm = azurerm.west
  }
}
