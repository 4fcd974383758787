module "m" {
  source = "./m"
  value  = local.a
}
locals {
  a = module.m.value
}
