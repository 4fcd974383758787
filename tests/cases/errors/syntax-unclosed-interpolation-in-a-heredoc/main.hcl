locals {
  a = <<EOT
one ${1 + 1
EOT
  b = {
    c = 1
  }
}
