//! The proof that an application owns its certificate: a signed assertion (JWT, PS256) made anew for each token. The private
//! key is read when it is needed and never kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::base64::encode_url_safe;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use jiff::SignedDuration;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error as ThisError;
use uuid::Uuid;

use crate::clock::Clock;

/// How long an assertion holds; it is used at once.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Signs assertions with the key of a PEM file.
pub(super) struct CertificateAssertion {
    pub(super) path: PathBuf,
    pub(super) client_id: String,
    /// The token endpoint.
    pub(super) audience: String,
    pub(super) clock: Arc<dyn Clock>,
}

/// Why there is no assertion. No variant holds key material.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
enum CertificateError {
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{0} is a PKCS#12 file; pgferry takes PEM: `openssl pkcs12 -in FILE -nodes -out FILE.pem`")]
    Pkcs12(String),
    #[error("{0} holds no certificate in PEM form")]
    NoCertificate(String),
    #[error("{0} holds no unencrypted private key in PEM form")]
    NoKey(String),
    #[error("the private key in {0} is not an RSA key")]
    NotRsa(String),
    #[error("the private key in {0} does not sign")]
    Unsigned(String),
}

impl std::fmt::Debug for CertificateAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAssertion")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let shown = self.path.display().to_string();
        let pem = tokio::fs::read(&self.path)
            .await
            .map_err(|error| CertificateError::Unreadable {
                path: shown,
                reason: error.to_string(),
            });
        pem.and_then(|pem| self.sign(&pem))
            .map_err(|error| Error::new(ErrorKind::Credential, error))
    }
}

impl CertificateAssertion {
    fn sign(&self, pem: &[u8]) -> Result<String, CertificateError> {
        let path = shown(&self.path);
        if pem.first() == Some(&0x30) {
            return Err(CertificateError::Pkcs12(path));
        }
        let certificate =
            CertificateDer::from_pem_slice(pem).map_err(|_| CertificateError::NoCertificate(path.clone()))?;
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| CertificateError::NoKey(path.clone()))?;
        let key = any_supported_type(&key).map_err(|_| CertificateError::NoKey(path.clone()))?;
        let signer = key
            .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
            .ok_or_else(|| CertificateError::NotRsa(path.clone()))?;
        let header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": encode_url_safe(Sha256::digest(&certificate)),
        });
        let now = self.clock.now();
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4().to_string(),
            "nbf": now.as_second(),
            "exp": now.as_second() + LIFE.as_secs(),
        });
        let text = format!(
            "{}.{}",
            encode_url_safe(header.to_string()),
            encode_url_safe(claims.to_string())
        );
        let signature = signer
            .sign(text.as_bytes())
            .map_err(|_| CertificateError::Unsigned(path))?;
        Ok(format!("{text}.{}", encode_url_safe(signature)))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
