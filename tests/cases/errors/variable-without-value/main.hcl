variable "region" {
  type        = string
  description = "Where everything lives."
}
