network "hub" {
  name = "vnet-hub"
}
source "erp" {
  host    = "a"
  network = source.hub
}
