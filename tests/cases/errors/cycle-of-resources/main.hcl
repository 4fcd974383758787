network "a" {
  name = network.b.name
}
network "b" {
  name = network.a.name
}
