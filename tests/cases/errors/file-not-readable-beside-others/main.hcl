locals {
  a = missing
}
