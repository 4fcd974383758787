network "hub" {
  enabled = "sometimes"
  name    = "vnet-hub"
}
