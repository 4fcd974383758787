source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = key_vault_secret("migrator")
}

target "erp" {
  name           = "pg-erp"
  resource_group = "rg-data"
  admin_username = "pgadmin"
  admin_password = key_vault_secret("https://kv-erp.example.org/secrets/pgadmin")
}
