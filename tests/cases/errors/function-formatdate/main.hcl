locals {
  a = formatdate("YYYY-MM-DD", "yesterday")
  b = timeadd("2026-01-01T00:00:00Z", "1 day")
}
