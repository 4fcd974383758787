locals {
  raw     = ["10.0.0.0/16", "10.1.0.0/40"]
  subnets = [for cidr in local.raw : cidrsubnet(cidr, 4, 0)]
  all     = join(",", local.subnets)
}
