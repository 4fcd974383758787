azure {
  location = "westeurope";
}
