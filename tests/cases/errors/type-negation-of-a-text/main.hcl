locals {
  name = "x"
  a    = !local.name
  b    = -local.name
}
