module "eu" {
  source = "./region"
  ports  = "all"
}
