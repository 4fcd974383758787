variable "name" {
  sensitive = true
}
network "hub" {
  name           = var.name
  resource_group = "rg"
}
