azure {
  subscription_id = "11111111-1111-1111-1111-111111111111"
  resource_group  = "rg"
}

locals {
  name = "vnet-hub"
}

network "hub" {
  name = local.name
}
