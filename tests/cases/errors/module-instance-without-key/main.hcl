module "region" {
  source   = "./region"
  for_each = toset(["eu", "us"])
}
locals {
  a = module.region.name
  b = module.region["asia"].name
}
