network "spoke" {
  for_each = toset(["a", "b"])
  name     = each.key
}
locals {
  a = network.spoke.name
  b = network.spoke["c"].name
  c = network.spoke[0].name
}
