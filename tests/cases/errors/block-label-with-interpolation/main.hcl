source "erp-${local.a}" {
  host = "a"
}
locals {
  a = 1
}
