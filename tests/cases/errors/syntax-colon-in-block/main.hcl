azure {
  location: "westeurope"
}
