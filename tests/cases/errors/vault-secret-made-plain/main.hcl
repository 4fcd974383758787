source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = nonsensitive(key_vault_secret("https://kv-erp.vault.azure.net/secrets/user"))
  password = key_vault_secret("https://kv-erp.vault.azure.net/secrets/migrator")
}
