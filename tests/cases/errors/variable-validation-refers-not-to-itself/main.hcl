variable "mode" {
  default = "fast"
  validation {
    condition     = 1 == 2
    error_message = "The mode is online or offline."
  }
}
