locals {
  mode = "online"
  a    = local.mode ? 1 : 2
}
