locals {
  hosts = [{ name = "a" }]
  a     = local.hosts.name
}
