variable "a" {
  type    = sting
  default = "x"
}
variable "b" {
  type    = list
  default = []
}
variable "c" {
  type    = "string"
  default = "x"
}
variable "d" {
  type    = map(string, number)
  default = {}
}
variable "e" {
  type    = object({ a = optional() })
  default = {}
}
variable "f" {
  type    = optional(string)
  default = "x"
}
variable "g" {
  type    = object(string)
  default = {}
}
