module "eu" {
  region = "westeurope"
}
