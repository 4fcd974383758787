azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
network "a" {
  name = "n"
  lifecycle {
    create_before_destroy = true
    prevent_destroy       = true
    ignore_changes        = all
    replace_triggered_by  = [network.b]
  }
}
network "b" { name = "b" }
