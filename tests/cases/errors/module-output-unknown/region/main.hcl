output "name" {
  value = "eu"
}
