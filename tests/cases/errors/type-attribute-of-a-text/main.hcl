locals {
  name = "x"
  a    = local.name.length
  b    = local.name[0]
}
