source "erp" {
  for_each = toset(["a"])
  host     = each.name
}
