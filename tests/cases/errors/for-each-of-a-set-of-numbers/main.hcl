network "spoke" {
  for_each = toset([1, 2])
  name     = each.key
}
