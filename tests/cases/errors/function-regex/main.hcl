locals {
  a = regex("[a-z", "x")
  b = regex("^x(?=y)", "xy")
  c = regex("[0-9]+", "abc")
}
