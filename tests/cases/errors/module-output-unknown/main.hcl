module "eu" {
  source = "./region"
}
locals {
  a = module.eu.nmae
  b = module.us.name
}
