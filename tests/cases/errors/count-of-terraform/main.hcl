network "spoke" {
  count = 2
  name  = "spoke-${count.index}"
}
