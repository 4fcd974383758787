locals {
  a = nonsensitive()
  b = templatestring("x", {})
  c = bcrypt("x")
}
