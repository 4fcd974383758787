locals {
  text = "a ${upper("b")"
}
