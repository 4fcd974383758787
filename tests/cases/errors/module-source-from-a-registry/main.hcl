module "eu" {
  source  = "Azure/network/azurerm"
  version = "5.0.0"
}
module "us" {
  source = "git::https://example.org/network.git"
}
