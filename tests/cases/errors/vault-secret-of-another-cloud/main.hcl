azure {
  cloud           = "us_government"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
}

source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = key_vault_secret("https://kv-erp.vault.azure.net/secrets/migrator")
}
