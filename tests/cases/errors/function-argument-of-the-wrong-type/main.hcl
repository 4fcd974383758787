locals {
  a = upper(["x"])
  b = length(5)
  c = join(",", "x")
}
