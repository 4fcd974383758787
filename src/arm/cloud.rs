//! The clouds: where ARM answers, who signs tokens, and which DNS suffixes PostgreSQL servers have. Facts only.
//! Addresses and scopes are those of the published SDK constants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A cloud that pgferry can work in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Azure.
    Public,
    /// Azure US Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
    /// The embedded simulator.
    Simulator,
}

/// A subscription id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubscriptionId(String);

/// A tenant id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TenantId(String);

/// The audience a token is asked for, in the v2 form that ends in `/.default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(pub &'static str);

/// Why a text names no cloud, subscription or tenant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloudError {
    /// No cloud has this name.
    #[error("`{0}` is no cloud; the clouds are `public`, `us_government`, `china` and `simulator`")]
    Unknown(String),
    /// Not a GUID.
    #[error("`{0}` is not a GUID such as `00000000-0000-0000-0000-000000000000`")]
    NotAGuid(String),
}

impl Cloud {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGovernment => "us_government",
            Self::China => "china",
            Self::Simulator => "simulator",
        }
    }

    /// Where ARM answers. The simulator answers on loopback, at a port found at run time.
    pub fn arm_base(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGovernment => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
            Self::Simulator => "http://127.0.0.1",
        }
    }

    /// Who signs tokens.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Public | Self::Simulator => "https://login.microsoftonline.com",
            Self::UsGovernment => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// How the host names of its database servers end.
    pub fn database_suffix(self) -> &'static str {
        match self {
            Self::Public | Self::Simulator => "database.azure.com",
            Self::UsGovernment => "database.usgovcloudapi.net",
            Self::China => "database.chinacloudapi.cn",
        }
    }

    /// How the host names of its Key Vaults end. The simulator serves those of every cloud.
    pub fn vault_suffix(self) -> &'static str {
        match self {
            Self::Public | Self::Simulator => "vault.azure.net",
            Self::UsGovernment => "vault.usgovcloudapi.net",
            Self::China => "vault.azure.cn",
        }
    }

    /// What a token for a Key Vault is asked for.
    pub fn vault_scope(self) -> Scope {
        Scope(match self {
            Self::Public | Self::Simulator => "https://vault.azure.net/.default",
            Self::UsGovernment => "https://vault.usgovcloudapi.net/.default",
            Self::China => "https://vault.azure.cn/.default",
        })
    }

    /// What a token is asked for that signs in to a flexible server as its password. The Azure CLI's table of clouds has it as
    /// the OSS RDBMS resource.
    pub fn database_scope(self) -> Scope {
        Scope(match self {
            Self::Public | Self::Simulator => "https://ossrdbms-aad.database.windows.net/.default",
            Self::UsGovernment => "https://ossrdbms-aad.database.usgovcloudapi.net/.default",
            Self::China => "https://ossrdbms-aad.database.chinacloudapi.cn/.default",
        })
    }

    /// What a token for ARM is asked for. In the government cloud the audience's host differs from ARM's.
    pub fn scope(self) -> Scope {
        Scope(match self {
            Self::Public | Self::Simulator => "https://management.azure.com/.default",
            Self::UsGovernment => "https://management.core.usgovcloudapi.net/.default",
            Self::China => "https://management.chinacloudapi.cn/.default",
        })
    }
}

fn guid(text: &str) -> Result<String, CloudError> {
    match uuid::Uuid::try_parse(text) {
        Ok(_) if text.len() == 36 => Ok(text.to_lowercase()),
        _ => Err(CloudError::NotAGuid(text.into())),
    }
}

impl SubscriptionId {
    /// The GUID in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TenantId {
    /// The GUID in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cloud {
    type Err = CloudError;
    fn from_str(text: &str) -> Result<Self, CloudError> {
        [Self::Public, Self::UsGovernment, Self::China, Self::Simulator]
            .into_iter()
            .find(|cloud| cloud.as_str() == text)
            .ok_or_else(|| CloudError::Unknown(text.into()))
    }
}

impl FromStr for SubscriptionId {
    type Err = CloudError;
    fn from_str(text: &str) -> Result<Self, CloudError> {
        guid(text).map(Self)
    }
}

impl FromStr for TenantId {
    type Err = CloudError;
    fn from_str(text: &str) -> Result<Self, CloudError> {
        guid(text).map(Self)
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
