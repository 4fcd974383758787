locals {
  port = 5432
  a    = local.port + "one"
  b    = "a" + "b"
}
