output "a" {
  value = 1
  precondition {
    condition     = 1 > 2
    error_message = "Only numbers that are larger than 2."
  }
}
