variable "region" {
  default = "westeurope"
}

output "region" {
  value = var.region
}
