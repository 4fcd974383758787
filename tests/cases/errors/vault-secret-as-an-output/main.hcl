output "password" {
  value     = { erp = key_vault_secret("https://kv-erp.vault.azure.net/secrets/migrator") }
  sensitive = true
}
