network "hub" {
  name           = "hub"
  resource_group = "rg"
  lifecycle {
    precondition {
      condition     = "maybe"
      error_message = "Impossible."
    }
    precondition {
      error_message = "Impossible."
    }
  }
}
