locals {
  a = upper(null)
}
