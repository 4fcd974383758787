variable "names" {
  type      = set(string)
  sensitive = true
}
network "spoke" {
  for_each = var.names
  name     = each.key
}
