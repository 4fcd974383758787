source "erp" {
  host = each.key
}
