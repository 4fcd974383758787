moved {
  from = network.a
  to   = dns_zone.a
}
