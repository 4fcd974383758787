locals {
  region = "eu"
  a      = local.regoin
}
