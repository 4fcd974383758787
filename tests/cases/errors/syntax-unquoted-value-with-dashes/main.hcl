source "erp" {
  type = on-premises
}
