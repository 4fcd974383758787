source "erp" {
  type     = "on_premises"
  host     = "10.0.0.1"
  username = "migrator"
  password = "hunter2"
}
