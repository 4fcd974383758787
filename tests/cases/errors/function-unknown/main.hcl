locals {
  a = uper("x")
  b = substring("x", 0, 1)
}
