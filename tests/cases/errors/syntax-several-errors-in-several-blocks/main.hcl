network "a" {
  name = [1, 2
}
source "b" {
  host = "open
}
source "c" {
  port = 1 +
}
