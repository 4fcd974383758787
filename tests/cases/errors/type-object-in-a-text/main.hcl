locals {
  tags = { team = "data" }
  a    = "tags: ${local.tags}"
}
