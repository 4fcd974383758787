module "eu" {
  source = "./modules/region"
}
