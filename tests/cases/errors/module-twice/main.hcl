module "eu" {
  source = "./region"
}
module "eu" {
  source = "./region"
}
