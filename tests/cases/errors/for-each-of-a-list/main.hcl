network "spoke" {
  for_each = ["a", "b"]
  name     = each.key
}
