locals {
  a = file("${path.module}/inventory.yaml")
  b = file("nothing-here.txt")
}
