source {
  host = "a"
}
source "a" "b" {
  host = "a"
}
output {
  value = 1
}
azure "main" {
}
