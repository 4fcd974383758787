moved {
  from = network.a
  to   = network.b
}
moved {
  from = network.b
  to   = network.a
}
