locals {
  a = format("%d of %d", 1)
  b = format("%d", "many")
  c = format("%y", 1)
}
