runtime_server "shared" {
  name    = "pg-runtime"
  network = network.hub
  location = "westeurope"
  resource_group = "rg"
}
network "hub" {
  name           = "vnet-hub"
  resource_group = "rg"
}
network "spoke" {
  for_each = toset([runtime_server.shared.private_dns_zone_id])
  name     = each.key
  resource_group = "rg"
}
