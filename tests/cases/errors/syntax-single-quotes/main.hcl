azure {
  location = 'westeurope'
}
