azure {
  subscription_id = "00000000-0000-4000-8000-000000000001
  resource_group  = "rg-data"
}

network "hub" {
  name = "vnet-hub"
}

vnet_peering "hub_data" {
  from = network.hub
  to   = network.dta
}
