pgferry {
  required_version = ">= 9"
}
