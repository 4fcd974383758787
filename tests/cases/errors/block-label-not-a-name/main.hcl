source "1st" {
  host = "a"
}
source "" {
  host = "a"
}
source "a.b" {
  host = "a"
}
variable "a b" {
}
