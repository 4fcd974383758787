source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = "${key_vault_secret("https://kv-erp.vault.azure.net/secrets/migrator")}-2026"
}
