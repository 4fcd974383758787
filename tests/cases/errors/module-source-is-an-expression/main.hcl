variable "where" {
  default = "region"
}
module "eu" {
  source = "./${var.where}"
}
