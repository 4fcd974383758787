locals {
  a = $name
}
