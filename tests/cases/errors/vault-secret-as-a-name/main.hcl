locals {
  secret = key_vault_secret("https://kv-erp.vault.azure.net/secrets/network")
}

network "hub" {
  name           = local.secret
  resource_group = "rg-data"
}
