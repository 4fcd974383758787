azure {
  subscription_id = "my subscription"
  tenant_id       = "contoso"
  cloud           = "aws"
}
