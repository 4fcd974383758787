module "eu" {
  source = "./region"
}
