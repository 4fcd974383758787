locals {
  names = toset(["a"])
  a     = local.names[0]
}
