azure = {
  location = "westeurope"
}
