pgferry {
  required_version = "latest"
}
