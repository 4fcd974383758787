variable "password" {
  sensitive = true
  default   = "hunter2"
}
