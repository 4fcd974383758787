locals {
  a = "%{ else }no%{ endif }"
}
