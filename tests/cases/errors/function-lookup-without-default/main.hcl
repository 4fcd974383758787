locals {
  a = lookup({ x = 1 }, "y")
}
