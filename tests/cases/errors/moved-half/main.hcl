moved {
  from = network.a
}
moved {
}
