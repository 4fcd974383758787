locals {
  count = 0
  a     = local.count / local.count
  b     = 1 / local.count - 1 / local.count
}
