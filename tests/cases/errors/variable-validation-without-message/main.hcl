variable "mode" {
  default = "fast"
  validation {
    condition = true
  }
}
