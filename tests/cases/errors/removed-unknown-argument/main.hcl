removed {
  from    = network.old
  destroy = false
}
