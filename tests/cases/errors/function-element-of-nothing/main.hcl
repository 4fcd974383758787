locals {
  a = element([], 0)
  b = one(["a", "b"])
}
