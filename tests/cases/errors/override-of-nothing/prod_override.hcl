locals {
  nmae = "vnet-hub-prod"
}

network "spoke" {
  name = "vnet-spoke"
}

check "name" {}
