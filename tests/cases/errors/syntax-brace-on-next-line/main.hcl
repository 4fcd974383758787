azure
{
  location = "westeurope"
}
