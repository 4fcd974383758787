network "spoke" {
  for_each = 3
  name     = each.key
}
