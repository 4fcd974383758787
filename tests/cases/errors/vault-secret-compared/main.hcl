locals {
  password = key_vault_secret("https://kv-erp.vault.azure.net/secrets/migrator")
}

source "erp" {
  type     = "on_premises"
  host     = local.password == "none" ? "10.1.0.5" : "10.1.0.4"
  username = "migrator"
  password = local.password
}
