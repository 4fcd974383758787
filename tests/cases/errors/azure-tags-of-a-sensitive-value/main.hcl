variable "owner" {
  type      = string
  sensitive = true
}

azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  tags            = { owner = var.owner }
}
