locals {
  a = true ? { name = "x" } : ["x"]
}
