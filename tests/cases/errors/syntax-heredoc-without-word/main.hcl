locals {
  a = <<
text
EOT
}
