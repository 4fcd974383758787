locals {
  a = jsondecode("{ \"a\": 1, }")
}
