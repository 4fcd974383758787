pgferry {
  state "s3" {}
}
