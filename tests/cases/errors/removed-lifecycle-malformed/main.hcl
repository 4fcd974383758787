removed {
  from = network.old
  lifecycle {
    destroy = "maybe"
  }
}
