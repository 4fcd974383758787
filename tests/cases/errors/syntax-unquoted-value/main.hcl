azure {
  location = westeurope
}
