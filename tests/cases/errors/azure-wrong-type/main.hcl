azure {
  location = ["westeurope"]
  tags     = "team"
}
