variable "mode" {
  default = "fast"
  validation {
    condition     = contains(["online", "offline"], var.mode)
    error_message = "The mode is online or offline, not ${var.mode}."
  }
}
