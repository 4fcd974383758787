locals {
  count = 0
  a     = 1 / local.count
  b     = 7 % local.count
}
