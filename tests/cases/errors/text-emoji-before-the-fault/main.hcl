locals {
  a = "👩‍👩‍👧 family" + 1
}
