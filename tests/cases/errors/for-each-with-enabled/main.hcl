network "spoke" {
  for_each = toset(["a"])
  enabled  = each.value
  name     = each.key
}
