variable "region" {
  default     = "x"
  descripton  = "Where everything lives."
}
