network "spoke" {
  count = 2
  name  = "spoke-${count.index}"
}

output "first" {
  value = network.spoke[0].id
}
