locals {
  a = [1, 2]
  b = max(local.a ...,)
}
