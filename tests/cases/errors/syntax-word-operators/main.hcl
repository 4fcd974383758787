locals {
  a = true
  b = local.a and true
}
