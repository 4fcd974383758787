locals {
  a = csvdecode("a,b\n1,2,3")
}
