moved {
  from = "network.a"
  to   = network.b.name
}
