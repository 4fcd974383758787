locals {
  a = parseint("zz", 10)
  b = parseint("10", 99)
  c = log(-1, 10)
}
