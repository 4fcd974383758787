network "spoke" {
  for_each = null
  name     = each.key
}
