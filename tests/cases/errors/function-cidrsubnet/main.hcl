locals {
  space = "10.0.0.0/28"
  a     = cidrsubnet(local.space, 8, 1)
  b     = cidrhost("10.0.0.0/33", 1)
  c     = cidrsubnet("10.0.0.0", 8, 1)
}
