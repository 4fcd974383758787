module "eu" {
  source = "./region"
  region = "mars"
}
