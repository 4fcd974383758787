locals {
  a = tonumber("twelve")
  b = tobool("yes")
  c = tolist({ a = 1 })
  d = tomap(["a"])
}
