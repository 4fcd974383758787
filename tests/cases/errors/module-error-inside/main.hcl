module "eu" {
  source = "./region"
  names  = ["a"]
}
