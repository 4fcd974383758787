//! Tokens: where they come from, which source is used and why, and when they are renewed. It reads no environment: the
//! settings are passed in. No token or secret is ever part of an error or of a log line.
//!
//! Sources are tried in this order; the first that is set up is used, and if it fails, that is the answer: a configured
//! login that does not work must not silently become another one.
//!
//! 1. client secret: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`
//! 2. client certificate: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_CERTIFICATE_PATH` (PEM with key and certificate)
//! 3. workload identity: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, and `AZURE_FEDERATED_TOKEN_FILE` or a job of GitHub Actions or
//!    Azure DevOps that may ask for a token
//! 4. managed identity: `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, or a virtual machine's metadata service
//! 5. Azure CLI: whoever is logged in to `az`
//!
//! `PGFERRY_CREDENTIAL` names one of them (`client_secret`, `client_certificate`, `workload_identity`, `managed_identity`,
//! `azure_cli`) and then only that one is tried. Against the simulator, its own token endpoint is asked with a made-up login.

mod certificate;
mod entra;
mod pipeline;
mod settings;
mod simulator;
mod tenants;
mod tokens;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value as Json;
use thiserror::Error;
use tracing::info;

pub use entra::{EntraOptions, Tenancy};
pub use pipeline::Pipeline;
pub use settings::{CredentialSettings, SettingsError};
pub use simulator::SimulatorLogin;
pub use tenants::{Tenant, Tenants, tenant_of_challenge};
pub use tokens::{Held, Tokens};

use crate::arm::Scope;
use crate::secret::Secret;

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialKind {
    /// An application with a secret.
    ClientSecret,
    /// An application with a certificate.
    ClientCertificate,
    /// An application trusted through a token of another issuer.
    WorkloadIdentity,
    /// The identity of the machine.
    ManagedIdentity,
    /// The person logged in to `az`.
    AzureCli,
    /// The simulator's made-up login.
    Simulator,
}

/// Which credential is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialChoice {
    /// The first that is set up, in the documented order.
    #[default]
    First,
    /// This one and no other.
    Only(CredentialKind),
}

/// A token as its source gave it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When it ends.
    pub expires: Timestamp,
}

/// What a token must additionally prove, as the service demanded in a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims(String);

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The source is not set up here; another may be.
    #[error("{0}")]
    NotHere(String),
    /// The source is set up and did not give a token.
    #[error("{kind}: {reason}")]
    Refused {
        /// The source.
        kind: CredentialKind,
        /// What it said.
        reason: String,
    },
    /// No source is set up.
    #[error("no login was found ({})", tried.iter().map(Skipped::to_string).collect::<Vec<_>>().join("; "))]
    Nothing {
        /// What was tried.
        tried: Vec<Skipped>,
    },
}

/// A source that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The source.
    pub kind: CredentialKind,
    /// Why.
    pub reason: String,
}

/// Which credential is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichCredential {
    /// The one in use; `None` before the first token was asked for, and where none is set up.
    pub used: Option<CredentialKind>,
    /// Those that came before it and are not used.
    pub skipped: Vec<Skipped>,
}

/// Gives tokens. It does not keep them: that is done by [`Tokens`].
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// What it is.
    fn kind(&self) -> CredentialKind;

    /// Asks for a new token.
    ///
    /// # Errors
    /// When there is none.
    async fn fetch(&self, scope: &Scope, claims: Option<&Claims>) -> Result<Token, TokenError>;
}

/// The sources of this run and the one that turned out to be in use.
pub struct Credentials {
    sources: Vec<Arc<dyn TokenSource>>,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    used: Option<Arc<dyn TokenSource>>,
    skipped: Vec<Skipped>,
}

impl Credentials {
    /// The sources that these settings allow, in the documented order.
    pub fn discover(settings: &CredentialSettings, options: EntraOptions) -> Self {
        Self::of(entra::sources(settings, &options))
    }

    /// These sources, in this order.
    pub fn of(sources: Vec<Arc<dyn TokenSource>>) -> Self {
        Self {
            sources,
            found: Mutex::default(),
        }
    }

    /// Which one is used, and why others before it are not.
    pub fn which(&self) -> WhichCredential {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        WhichCredential {
            used: found.used.as_ref().map(|source| source.kind()),
            skipped: found.skipped.clone(),
        }
    }

    /// Asks the source in use, or finds it first.
    ///
    /// # Errors
    /// When no source is set up, or the one in use gives no token.
    pub async fn fetch(&self, scope: &Scope, claims: Option<&Claims>) -> Result<Token, TokenError> {
        let used = self.found.lock().unwrap_or_else(PoisonError::into_inner).used.clone();
        if let Some(source) = used {
            return source.fetch(scope, claims).await;
        }
        let mut skipped = Vec::new();
        for source in &self.sources {
            match source.fetch(scope, claims).await {
                Err(TokenError::NotHere(reason)) => skipped.push(Skipped {
                    kind: source.kind(),
                    reason,
                }),
                outcome @ (Ok(_) | Err(TokenError::Refused { .. } | TokenError::Nothing { .. })) => {
                    let unused: Vec<String> = skipped.iter().map(Skipped::to_string).collect();
                    info!(login = %source.kind(), unused = unused.join("; "), "the login of this run");
                    let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.used = Some(Arc::clone(source));
                    found.skipped = skipped;
                    return outcome;
                }
            }
        }
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.skipped.clone_from(&skipped);
        Err(TokenError::Nothing { tried: skipped })
    }
}

impl Claims {
    /// The claims of a `WWW-Authenticate` header, where it is a claims challenge.
    pub fn of_challenge(header: &str) -> Option<Self> {
        let (_, rest) = header.split_once("claims=\"")?;
        let (encoded, _) = rest.split_once('"')?;
        let plain = encoded.trim_end_matches('=');
        let decoded = azure_core::base64::decode_url_safe(plain.replace('+', "-").replace('/', "_")).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        serde_json::from_str::<Json>(&text).ok()?;
        Some(Self(text))
    }

    /// The JSON text that the token endpoint is given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Pairs as a form is sent.
fn form(pairs: &[(&str, &str)]) -> String {
    // A bare scheme has room for a query, whose encoding is that of forms.
    let Ok(mut url) = reqwest::Url::parse("form:") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

impl CredentialKind {
    /// Its name in settings and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::ClientCertificate => "client_certificate",
            Self::WorkloadIdentity => "workload_identity",
            Self::ManagedIdentity => "managed_identity",
            Self::AzureCli => "azure_cli",
            Self::Simulator => "simulator",
        }
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)
    }
}
