variable "region" {
  default = "x"
}
variable "other" {
  default = "x"
}
