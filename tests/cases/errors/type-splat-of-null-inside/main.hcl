locals {
  a = [{ n = 1 }, null][*].n
}
