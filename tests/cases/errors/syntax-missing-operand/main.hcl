locals {
  sum = 1 +
}
