network "data" {
  name = "vnet-data
}

module "server" {
  source  = "./server"
  address = var.address
  network = network.hub
}

output "host" {
  value = module.server.host
}

output "port" {
  value = module.server.prot
}

import {
  to = network.data
  id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-data"
}
