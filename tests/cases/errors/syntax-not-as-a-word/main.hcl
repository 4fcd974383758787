locals {
  b = not true
}
