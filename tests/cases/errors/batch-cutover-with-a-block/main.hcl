azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
variable "password" {
  sensitive = true
}
network "hub" {
  name = "vnet-hub"
}
source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = var.password
  network  = network.hub
}
target "erp" {
  name           = "pg-erp"
  admin_username = "pgadmin"
  admin_password = var.password
}
database_batch "wave1" {
  source = source.erp
  target = target.erp
  databases = ["erp"]
  mode = "online"
  cutover {
    policy = "automatic"
    window {
      from = "22:00"
    }
    retry {
      attempts = 1
    }
    samples {
      number = 2
    }
  }
}
