source "erp" {
  type = "onprem"
  host = "10.1.0.4"
}
