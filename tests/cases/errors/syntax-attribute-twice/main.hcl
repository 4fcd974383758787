source "erp" {
  host = "a"
  host = "b"
}
