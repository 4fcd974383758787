azure {
  cloud           = "simulator"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}
preflight {
  dynamic "waive" {
    for_each = ["PF084"]
    labels   = [waive.value]
    content {
      owner  = "x"
      reason = "y"
      until  = "2027-01-31"
    }
  }
}
