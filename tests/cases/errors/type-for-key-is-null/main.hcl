locals {
  a = { for name in ["a"] : null => name }
}
