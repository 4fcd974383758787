variable "region" {
  type = string
  validation {
    condition     = endswith(var.region, "europe")
    error_message = "Only regions in Europe."
  }
}
