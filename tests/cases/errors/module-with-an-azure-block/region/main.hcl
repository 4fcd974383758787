azure {
  location = "westeurope"
}
