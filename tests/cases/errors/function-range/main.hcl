locals {
  a = range(0, 10, 0)
  b = range(0, 100000)
}
