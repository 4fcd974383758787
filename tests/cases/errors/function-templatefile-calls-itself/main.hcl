locals {
  a = templatefile("${path.module}/greeting.tftpl", {})
}
