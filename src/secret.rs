//! Values that go to Azure and nowhere else, hidden by type. Nothing here can write one to a file, a log or a terminal.

pub mod vault;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::address::Address;
pub use vault::VaultSecret;

/// A secret text. It has no `Display` and no `Serialize`, and its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

/// Which secret: the write-only attribute of a resource, and where it lies in a vault the id there. This is all that a plan, a
/// record or a log ever holds of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretRef {
    /// The resource that declares it.
    pub owner: Address,
    /// The attribute that holds it, such as `password`.
    pub attribute: String,
    /// Its id, where it is read in a vault at the moment it is sent; no run is given it beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<VaultSecret>,
}

/// The secrets that the configuration of this run supplied. Kept apart from everything that is shown or stored.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<SecretRef, Secret>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(text.into())))
    }

    /// The text itself. Callers write it into a request body or a signature, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secrets {
    /// Keeps a secret.
    pub fn insert(&mut self, reference: SecretRef, secret: Secret) {
        self.0.insert(reference, secret);
    }

    /// The secret, when this run supplied it.
    pub fn get(&self, reference: &SecretRef) -> Option<&Secret> {
        self.0.get(reference)
    }

    /// All that were supplied.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretRef, &Secret)> {
        self.0.iter()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.owner, self.attribute)?;
        match &self.vault {
            Some(id) => write!(f, " of {id}"),
            None => Ok(()),
        }
    }
}
