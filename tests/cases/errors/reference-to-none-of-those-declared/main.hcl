network "europe" {
  name           = "vnet-europe"
  resource_group = "rg"
}
network "america" {
  name           = "vnet-america"
  resource_group = "rg"
}
network "asia" {
  name           = "vnet-asia"
  resource_group = "rg"
}
dns_zone "main" {
  name           = "example.org"
  resource_group = "rg"
}
dns_link "main" {
  zone    = dns_zone.main
  network = network.hub
}
