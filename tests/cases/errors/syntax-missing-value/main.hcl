locals {
  region =
}
