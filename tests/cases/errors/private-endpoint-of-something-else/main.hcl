azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
variable "password" {
  sensitive = true
}
network "n" {
  name = "vnet"
}
target "t" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
source "s" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = var.password
}
private_endpoint "of_a_source" {
  server  = source.s
  network = network.n
  subnet  = "ends"
}
private_endpoint "of_a_network" {
  server  = network.n
  network = target.t
  subnet  = "ends"
}
private_endpoint "in_a_path" {
  server  = target.t
  network = network.n
  subnet  = "vnet/subnets/ends"
}
private_endpoint "in_no_subnet" {
  server  = target.t
  network = network.n
}
