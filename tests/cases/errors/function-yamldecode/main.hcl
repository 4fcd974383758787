locals {
  a = yamldecode("a: 1\n b: 2")
}
