azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
}
dns_zone "a" {
  name = "a.example.org"
  tags = {
    "a<b" = "x"
    team  = ["data"]
  }
}
