network "old" {
  name           = "hub"
  resource_group = "rg"
}
moved {
  from = network.old
  to   = network.new
}
