locals {
  count = 3
  a     = [for i in local.count : i]
}
