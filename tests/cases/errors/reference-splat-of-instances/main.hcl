azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
network "a" {
  for_each = toset(["x"])
  name     = each.key
}
output "x" { value = network.a[*].name }
output "y" { value = values(network.a)[*].name }
output "z" { value = network.a.*.name }
