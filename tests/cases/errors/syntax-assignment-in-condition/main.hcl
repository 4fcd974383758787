locals {
  a = true
  b = local.a = true ? 1 : 2
}
