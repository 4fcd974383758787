locals {
  a = [for name in ["a"] : name if name]
}
