variable "x" {}
ÿ
