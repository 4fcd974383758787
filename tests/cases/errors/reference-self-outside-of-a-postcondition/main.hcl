source "erp" {
  host = self.name
}
