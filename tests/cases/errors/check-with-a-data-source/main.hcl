check "health" {
  data "http" "x" {
    url = "https://example.org"
  }
  assert {
    condition     = true
    error_message = "x"
  }
}
