pgferry {
  encryption {
    passphrase = key_vault_secret("https://kv-erp.vault.azure.net/secrets/state")
  }
}
