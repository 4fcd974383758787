module "eu" {
  source  = "./region"
  reigon  = "westeurope"
}
