locals {
  a = base64decode("not base64!")
}
