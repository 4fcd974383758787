locals {
  a = setproduct(["a"], "b")
}
