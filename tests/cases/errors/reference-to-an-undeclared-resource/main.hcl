network "hub" {
  name = "vnet-hub"
}
source "erp" {
  host    = "a"
  network = network.hbu
}
