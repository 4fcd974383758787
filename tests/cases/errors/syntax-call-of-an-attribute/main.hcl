locals {
  a = "x"
  b = local.a.upper()
}
