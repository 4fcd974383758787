azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  tags            = { team = "data" }
}
dns_zone "a" {
  name = "a.example.org"
  tags = { team = join("", [for number in range(100) : "data"]) }
}
dns_zone "b" {
  name = "b.example.org"
  tags = { for number in range(47) : "tag${number}" => "x" }
}
