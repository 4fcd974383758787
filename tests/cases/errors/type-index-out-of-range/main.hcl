locals {
  names = ["a", "b"]
  a     = local.names[2]
  b     = local.names[-1]
  c     = local.names["first"]
  d     = local.names[1.5]
}
