azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
output "x" { value = [1] + [2] }
output "y" { value = "a" + "b" }
output "z" { value = "a" == 1 }
