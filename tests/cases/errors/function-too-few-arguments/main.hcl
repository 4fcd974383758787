locals {
  a = replace("x", "y")
}
