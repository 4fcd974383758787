locals {
  key = "x"
  a   = { (local.key) = 1, (local.key) = 2 }
}
