azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
network "hub" { name = "vnet-hub" }
source "s" {
  type     = "on_premises"
  host     = "h"
  username = "u"
  password = "x"
  network  = "vnet-hub"
}
