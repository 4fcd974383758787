moved {
  from = network.a
  to   = network.b
}
moved {
  from = network.a
  to   = network.c
}
