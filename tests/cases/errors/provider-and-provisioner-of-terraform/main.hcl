network "hub" {
  name           = "hub"
  resource_group = "rg"
  provider       = azurerm.west
  provisioner "local-exec" {
    command = "echo"
  }
}
