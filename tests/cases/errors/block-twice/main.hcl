azure {
  location = "westeurope"
}
azure {
  location = "northeurope"
}
