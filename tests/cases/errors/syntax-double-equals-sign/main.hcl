azure {
  location = = "westeurope"
}
