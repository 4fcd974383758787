azure {
  location = "westeurope"

locals {
  a = 1
}
