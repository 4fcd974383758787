locals {
  tags = { team = "data" }
  a    = local.tags["taem"]
  b    = local.tags.taem
}
