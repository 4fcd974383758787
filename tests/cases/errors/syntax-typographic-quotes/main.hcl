azure {
  location = “westeurope”
}
