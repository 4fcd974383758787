locals {
  b = { c = "x" }
  a = { b.c = 1 }
}
