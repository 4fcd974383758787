variable "subscription" {
  sensitive = true
}

azure {
  subscription_id = var.subscription
  location        = "westeurope"
}
