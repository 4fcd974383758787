module "eu" {
  source = "./region"
}
locals {
  a = module.eu.network.hub.name
}
