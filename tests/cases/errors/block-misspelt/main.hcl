sorce "erp" {
  host = "x"
}
