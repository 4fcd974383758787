network "hub" {
  for_each       = toset([key_vault_secret("https://kv-erp.vault.azure.net/secrets/network")])
  name           = each.key
  resource_group = "rg-data"
}
