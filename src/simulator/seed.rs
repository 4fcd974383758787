//! The seed of a world: a committed JSON file with objects, source servers, options and faults. Never written by the simulator.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::clock::ClockMode;
use super::fault::FaultRule;
use super::options::Options;
use super::vault::Vaults;

/// A whole seed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    /// How simulated time passes unless the command line says otherwise; `x120` when absent.
    pub clock: Option<ClockMode>,
    /// When the world begins; when it is first served, if absent.
    pub time: Option<Timestamp>,
    /// The tenant's guid.
    pub tenant: Option<String>,
    /// Subscriptions beside those that objects lie in.
    pub subscriptions: Vec<String>,
    /// The tenants of subscriptions that do not belong to the seed's own, by subscription.
    pub tenants: BTreeMap<String, String>,
    /// ARM objects, each as `az resource show` or a snapshot gives it.
    pub objects: Vec<Map<String, Value>>,
    /// The servers that are migrated from.
    pub sources: Vec<SourceServer>,
    /// Key Vaults, with the secrets that they hold. They are read from the seed at every start and never saved.
    pub vaults: Vaults,
    /// Settings.
    pub options: Options,
    /// Faults that are there from the beginning.
    pub faults: Vec<FaultRule>,
}

/// Why a seed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The text is not JSON, or a key or value in it is not known; the cause names it with line and column.
    #[error("the world file is not a valid seed")]
    Json(#[source] serde_json::Error),
    /// An object cannot be placed.
    #[error("object {index} of the world file {problem}")]
    Object {
        /// Its position, from zero.
        index: usize,
        /// What is wrong with it.
        problem: ObjectProblem,
    },
    /// Two source servers have one address.
    #[error("two sources of the world file have the address {host}:{port}")]
    SameSource {
        /// Host of both.
        host: String,
        /// Port of both.
        port: u16,
    },
}

/// What is wrong with an object of a seed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectProblem {
    /// It has no `id`.
    #[error("has no `id`")]
    NoId,
    /// Its `id` names no ARM object.
    #[error("has an `id` that names no ARM object: {0}")]
    NotAnId(String),
    /// It has a member that ARM objects do not have.
    #[error("({id}) has the unknown key `{key}`")]
    UnknownKey {
        /// The object.
        id: String,
        /// The key.
        key: String,
    },
    /// The object it lies in is not there.
    #[error("({0}) lies in an object that is not there")]
    NoParent(String),
    /// Another object has the same id.
    #[error("({0}) is there twice")]
    Twice(String),
}

/// Members an ARM object may have beside `properties`; the last ones are added by `az resource show`.
pub(crate) const ENVELOPE: &[&str] = &[
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "sku",
    "identity",
    "etag",
    "kind",
    "managedBy",
    "plan",
    "zones",
    "extendedLocation",
    "systemData",
    "registrationState",
    "resourceTypes",
    "namespace",
    "resourceGroup",
    "apiVersion",
    "changedTime",
    "createdTime",
    "provisioningState",
    "subscriptionId",
    "tenantId",
];

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// When the text is not a seed; unknown keys are refused by name.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let seed: Self = serde_json::from_str(text).map_err(SeedError::Json)?;
        let mut addresses = std::collections::BTreeSet::new();
        for source in &seed.sources {
            if !addresses.insert((source.host.to_ascii_lowercase(), source.port)) {
                return Err(SeedError::SameSource {
                    host: source.host.clone(),
                    port: source.port,
                });
            }
        }
        Ok(seed)
    }
}

/// The digest that tells one seed from another.
#[must_use]
pub fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A PostgreSQL server outside, or a single server, that migrations read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceServer {
    /// Host name or address under which the service reaches it.
    pub host: String,
    /// Port.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Id of its single server, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// Id of the virtual network through which it is reached; absent for a public address.
    #[serde(default)]
    pub network: Option<String>,
    /// Major version.
    pub version: String,
    /// Who may sign in.
    pub users: BTreeMap<String, User>,
    /// `logical` where online migrations can start.
    #[serde(default = "default_wal_level")]
    pub wal_level: String,
    /// Its databases.
    pub databases: Vec<SourceDatabase>,
}

fn default_port() -> u16 {
    5432
}

fn default_wal_level() -> String {
    "logical".to_owned()
}

/// A user of a source server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What opens the door.
    #[serde(default)]
    pub password: Password,
}

/// A password of a source's user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Password {
    /// Any that is not empty.
    #[default]
    Any,
    /// This one; only in a seed, never in a saved world.
    Plain(String),
    /// The one with this salted digest.
    Digest(PasswordDigest),
}

/// A salted digest, which can be saved where the password cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordDigest {
    salt: String,
    sha256: String,
}

impl Password {
    /// Whether that password is right.
    #[must_use]
    pub fn accepts(&self, password: &str) -> bool {
        match self {
            Self::Any => !password.is_empty(),
            Self::Plain(plain) => plain == password,
            Self::Digest(digest) => hex(&Sha256::digest(format!("{}:{password}", digest.salt))) == digest.sha256,
        }
    }

    /// The same password in a form that may be saved.
    pub(crate) fn without_text(self, salt: &str) -> Self {
        match self {
            Self::Plain(plain) => Self::Digest(PasswordDigest {
                sha256: hex(&Sha256::digest(format!("{salt}:{plain}"))),
                salt: salt.to_owned(),
            }),
            Self::Any | Self::Digest(_) => self,
        }
    }
}

/// A database of a source server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDatabase {
    /// Its name.
    pub name: String,
    /// How large it is.
    #[serde(default = "default_size")]
    pub size_mb: f64,
    /// How many tables it has.
    #[serde(default = "default_tables")]
    pub tables: u32,
    /// How many rows change per second while it is in use.
    #[serde(default)]
    pub change_rate_per_s: f64,
    /// Extensions that are in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

fn default_size() -> f64 {
    1024.0
}

fn default_tables() -> u32 {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_place() {
        let error = Seed::parse("{\n  \"object\": []\n}").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("`object`") && cause.contains("line 2"), "{cause}");
    }

    #[test]
    fn passwords_leave_no_text() {
        let password = Password::Plain("hunter2".to_owned()).without_text("s1");
        assert!(password.accepts("hunter2") && !password.accepts("hunter3"));
        assert!(!serde_json::to_string(&password).unwrap().contains("hunter2"));
        assert!(Password::Any.accepts("x") && !Password::Any.accepts(""));
        let read: User = serde_json::from_str(r#"{ "password": null }"#).unwrap();
        assert_eq!(read.password, Password::Any);
    }

    #[test]
    fn a_source_address_is_there_once() {
        let source = r#"{ "host": "h", "version": "14", "users": {}, "databases": [] }"#;
        assert!(matches!(
            Seed::parse(&format!(r#"{{ "sources": [{source}, {source}] }}"#)),
            Err(SeedError::SameSource { port: 5432, .. })
        ));
    }
}
