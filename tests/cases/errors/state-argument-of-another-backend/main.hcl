pgferry {
  state "azure_blob" {
    bucket = "x"
  }
}
azure {
  subscription_id = "00000000-0000-4000-8000-000000000001"
}
