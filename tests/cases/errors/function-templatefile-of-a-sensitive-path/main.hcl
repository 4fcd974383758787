variable "path" {
  type      = string
  sensitive = true
}

output "text" {
  value = templatefile(var.path, {})
}
