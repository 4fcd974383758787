variable "source" {
  default = 1
}
variable "for_each" {
  default = 1
}
