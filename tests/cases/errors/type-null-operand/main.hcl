locals {
  nothing = null
  a       = local.nothing + 1
  b       = local.nothing.name
  c       = "x${local.nothing}"
}
