//! The settings of logins, from names and values that were passed in. It reads neither environment nor files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use super::{CredentialChoice, CredentialKind, Pipeline};
use crate::secret::Secret;

/// What is known of logins. Its `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct CredentialSettings {
    /// Which login is wanted.
    pub choice: CredentialChoice,
    /// The tenant, where the configuration names none.
    pub tenant: Option<String>,
    /// The application, or the identity of a machine with several.
    pub client_id: Option<String>,
    /// The application's secret.
    pub client_secret: Option<Secret>,
    /// A PEM file with the application's key and certificate.
    pub certificate: Option<PathBuf>,
    /// A file with another issuer's token.
    pub federated_token: Option<PathBuf>,
    /// The pipeline whose job this is, where it vouches for its jobs.
    pub pipeline: Option<Pipeline>,
    /// Who signs tokens, where it is not the cloud's own authority.
    pub authority: Option<String>,
    /// Whether the host brings its own identity endpoint (App Service and its relatives).
    pub hosted_identity: HostedIdentity,
}

/// Whether the host brings its own identity endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostedIdentity {
    /// It does.
    Present,
    /// It does not.
    #[default]
    Missing,
}

/// Why the settings make no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// No credential has this name.
    #[error(
        "`{0}` in PGFERRY_CREDENTIAL is no credential; there are `client_secret`, `client_certificate`, \
         `workload_identity`, `managed_identity` and `azure_cli`"
    )]
    UnknownCredential(String),
}

impl CredentialSettings {
    /// The names that are read; whoever owns the environment passes these on.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().chain(Pipeline::NAMES)
    }

    const NAMES: [&'static str; 9] = [
        "PGFERRY_CREDENTIAL",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
    ];

    /// Reads settings by their names. An empty value is no value.
    ///
    /// # Errors
    /// When `PGFERRY_CREDENTIAL` names no credential.
    pub fn from_map(map: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let get = |name: &str| map.get(name).filter(|value| !value.is_empty()).cloned();
        let choice = match get("PGFERRY_CREDENTIAL") {
            None => CredentialChoice::First,
            Some(name) => CredentialChoice::Only(named(&name).ok_or(SettingsError::UnknownCredential(name))?),
        };
        Ok(Self {
            choice,
            tenant: get("AZURE_TENANT_ID"),
            client_id: get("AZURE_CLIENT_ID"),
            client_secret: get("AZURE_CLIENT_SECRET").map(Secret::new),
            certificate: get("AZURE_CLIENT_CERTIFICATE_PATH").map(PathBuf::from),
            federated_token: get("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from),
            pipeline: Pipeline::of(map),
            authority: get("AZURE_AUTHORITY_HOST"),
            hosted_identity: match (get("IDENTITY_ENDPOINT"), get("IDENTITY_HEADER")) {
                (Some(_), Some(_)) => HostedIdentity::Present,
                (_, _) => HostedIdentity::Missing,
            },
        })
    }
}

fn named(name: &str) -> Option<CredentialKind> {
    [
        CredentialKind::ClientSecret,
        CredentialKind::ClientCertificate,
        CredentialKind::WorkloadIdentity,
        CredentialKind::ManagedIdentity,
        CredentialKind::AzureCli,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == name)
}
