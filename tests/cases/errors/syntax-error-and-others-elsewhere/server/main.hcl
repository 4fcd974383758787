variable "address" {
  type = string
  validation {
    condition     = can(cidrhost(var.address, 0)
    error_message = "No address."
  }
}

variable "network" {}

output "host" {
  value = "${var.address:5432"
}

output "port" {
  value = 5432 + "x"
}
