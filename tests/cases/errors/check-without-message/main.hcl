check "health" {
  assert {
    condition = true
  }
}
