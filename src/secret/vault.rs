//! Secrets that stay in a Key Vault: their ids, which are no secrets themselves. Nothing here reads one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the host names of vaults end: in Azure, in Azure US Government, and in Azure operated by 21Vianet.
pub const VAULT_SUFFIXES: [&str; 3] = ["vault.azure.net", "vault.usgovcloudapi.net", "vault.azure.cn"];

/// The id of a secret in a Key Vault: `https://VAULT.vault.azure.net/secrets/NAME`, which means its newest version, or the same
/// with `/VERSION`. It is all that a plan, a record or a log ever holds of such a secret.
///
/// The forms of its parts are those of Azure's documentation of keys, secrets and certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VaultSecret {
    host: String,
    name: String,
    version: Option<String>,
}

/// Why a text is not the id of a secret in a vault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultSecretError {
    /// Another scheme, or none.
    #[error("an id begins with `https://`, such as {EXAMPLE}")]
    Scheme,
    /// The host is no vault.
    #[error("`{0}` is not the host of a vault: those are NAME.{all}", all = VAULT_SUFFIXES.join(" or NAME."))]
    Host(String),
    /// The vault's name cannot be one.
    #[error(
        "`{0}` is not the name of a vault: 3 to 24 letters, digits and single hyphens, first a letter and last no hyphen"
    )]
    Vault(String),
    /// The path names something else.
    #[error("the path of an id is `/secrets/NAME` or `/secrets/NAME/VERSION`, as in {EXAMPLE}")]
    Path,
    /// The secret's name cannot be one.
    #[error("`{0}` is not the name of a secret: up to 127 letters, digits and hyphens")]
    Name(String),
    /// The version cannot be one.
    #[error("`{0}` is not a version: 32 letters and digits")]
    Version(String),
}

const EXAMPLE: &str = "https://kv-erp.vault.azure.net/secrets/migrator";

impl VaultSecret {
    /// The host of its vault, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name of its vault, in lower case.
    pub fn vault(&self) -> &str {
        self.host.split_once('.').map_or("", |(vault, _)| vault)
    }

    /// How the host of its vault ends, which tells the cloud: one of [`VAULT_SUFFIXES`].
    pub fn suffix(&self) -> &str {
        self.host.split_once('.').map_or("", |(_, suffix)| suffix)
    }

    /// The name of the secret, as written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it lies in its vault: `/secrets/NAME` or `/secrets/NAME/VERSION`.
    pub fn path(&self) -> String {
        match &self.version {
            None => format!("/secrets/{}", self.name),
            Some(version) => format!("/secrets/{}/{version}", self.name),
        }
    }
}

impl FromStr for VaultSecret {
    type Err = VaultSecretError;

    fn from_str(text: &str) -> Result<Self, VaultSecretError> {
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let rest = text.strip_prefix("https://").ok_or(VaultSecretError::Scheme)?;
        let (host, path) = rest.split_once('/').ok_or(VaultSecretError::Path)?;
        let host = host.to_ascii_lowercase();
        let vault = match host.split_once('.') {
            Some((vault, suffix)) if VAULT_SUFFIXES.contains(&suffix) => vault,
            Some(_) | None => return Err(VaultSecretError::Host(host)),
        };
        let is_name = (3..=24).contains(&vault.len())
            && is_word(vault)
            && vault.starts_with(|first: char| first.is_ascii_alphabetic())
            && !vault.ends_with('-')
            && !vault.contains("--");
        if !is_name {
            return Err(VaultSecretError::Vault(vault.to_owned()));
        }
        let mut parts = path.split('/');
        let (Some("secrets"), Some(name), version, None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(VaultSecretError::Path);
        };
        if !(1..=127).contains(&name.len()) || !is_word(name) {
            return Err(VaultSecretError::Name(name.to_owned()));
        }
        let is_version =
            |version: &str| version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(wrong) = version.filter(|version| !is_version(version)) {
            return Err(VaultSecretError::Version(wrong.to_owned()));
        }
        Ok(Self {
            host,
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

impl TryFrom<String> for VaultSecret {
    type Error = VaultSecretError;

    fn try_from(text: String) -> Result<Self, VaultSecretError> {
        text.parse()
    }
}

impl From<VaultSecret> for String {
    fn from(secret: VaultSecret) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.host(), self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let version = "0123456789abcdef0123456789abcdef";
        for id in [
            "https://kv-erp.vault.azure.net/secrets/migrator".to_owned(),
            format!("https://kv-erp.vault.usgovcloudapi.net/secrets/Migrator-2/{version}"),
            "https://abc.vault.azure.cn/secrets/a".to_owned(),
        ] {
            assert_eq!(id.parse::<VaultSecret>().unwrap().to_string(), id);
            let kept = serde_json::to_string(&id.parse::<VaultSecret>().unwrap()).unwrap();
            assert_eq!(kept, format!("{id:?}"));
        }
        let shouted: VaultSecret = "https://KV-ERP.Vault.Azure.Net/secrets/migrator".parse().unwrap();
        assert_eq!(shouted.host(), "kv-erp.vault.azure.net");
    }

    #[test]
    fn no_other_host_is_ever_given_a_token() {
        for id in [
            "https://kv-erp.vault.azure.net.evil.example/secrets/a",
            "https://evil.example/kv-erp.vault.azure.net/secrets/a",
            "https://kv-erp.vault.azure.net@evil.example/secrets/a",
            "https://user:pw@kv-erp.vault.azure.net/secrets/a",
            "https://kv-erp.vault.azure.net:444/secrets/a",
            "https://a.kv-erp.vault.azure.net/secrets/a",
            "https://vault.azure.net/secrets/a",
        ] {
            let refused = id.parse::<VaultSecret>().unwrap_err();
            assert!(
                matches!(refused, VaultSecretError::Host(_) | VaultSecretError::Vault(_)),
                "{id}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_no_id_is_refused_with_what_is_wrong() {
        let said = |id: &str| id.parse::<VaultSecret>().unwrap_err().to_string();
        insta::assert_snapshot!(said("http://kv-erp.vault.azure.net/secrets/a"), @"an id begins with `https://`, such as https://kv-erp.vault.azure.net/secrets/migrator");
        insta::assert_snapshot!(said("https://kv-erp.vault.azure.net"), @"the path of an id is `/secrets/NAME` or `/secrets/NAME/VERSION`, as in https://kv-erp.vault.azure.net/secrets/migrator");
        insta::assert_snapshot!(said("https://kv-erp.vault.azure.net/keys/a"), @"the path of an id is `/secrets/NAME` or `/secrets/NAME/VERSION`, as in https://kv-erp.vault.azure.net/secrets/migrator");
        insta::assert_snapshot!(said("https://example.org/secrets/a"), @"`example.org` is not the host of a vault: those are NAME.vault.azure.net or NAME.vault.usgovcloudapi.net or NAME.vault.azure.cn");
        insta::assert_snapshot!(said("https://kv--erp.vault.azure.net/secrets/a"), @"`kv--erp` is not the name of a vault: 3 to 24 letters, digits and single hyphens, first a letter and last no hyphen");
        insta::assert_snapshot!(said("https://kv-erp.vault.azure.net/secrets/a?x"), @"`a?x` is not the name of a secret: up to 127 letters, digits and hyphens");
        insta::assert_snapshot!(said("https://kv-erp.vault.azure.net/secrets/a/1"), @"`1` is not a version: 32 letters and digits");
    }
}
