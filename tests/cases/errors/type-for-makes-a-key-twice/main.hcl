locals {
  names = ["a", "b", "a"]
  a     = { for name in local.names : name => 1 }
}
