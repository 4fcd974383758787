locals {
  name = "open
  other = 1
}
