variable "region" {
  default = "y"
}
