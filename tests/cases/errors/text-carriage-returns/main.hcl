locals {
  a = 1
  b = local.c
}

source "erp" {
  hots = "x"
}
