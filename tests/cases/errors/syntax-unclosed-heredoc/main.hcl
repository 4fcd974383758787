locals {
  text = <<EOT
one
two
}
