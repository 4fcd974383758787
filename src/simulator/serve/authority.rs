//! A certificate authority for one start of the simulator. Its key is never written anywhere.

use std::sync::Arc;

use axum_server::tls_rustls::RustlsConfig;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;

/// What serving with TLS needs.
pub(super) struct Made {
    pub(super) config: RustlsConfig,
    /// What clients have to trust.
    pub(super) authority_pem: String,
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A key or certificate could not be generated.
    #[error("generating a key or certificate failed")]
    Generate(#[from] rcgen::Error),
    /// The TLS library does not take it.
    #[error("the TLS library refused the certificate")]
    Configure(#[from] rustls::Error),
    /// The TLS library does not take the key.
    #[error("the TLS library refused the key: {0}")]
    Key(&'static str),
}

/// A certificate for loopback, signed by an authority of its own.
pub(super) fn certificate() -> Result<Made, CertificateError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority
        .distinguished_name
        .push(DnType::CommonName, "pgferry simulator authority");
    let key = KeyPair::generate()?;
    let own = authority.self_signed(&key)?;
    let issuer = Issuer::new(authority, key);

    let names = [
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "management.azure.com".to_owned(),
        "login.microsoftonline.com".to_owned(),
    ];
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let signed = leaf.signed_by(&leaf_key, &issuer)?;

    let chain = vec![signed.der().clone(), own.der().clone()];
    let private =
        rustls::pki_types::PrivateKeyDer::try_from(leaf_key.serialize_der()).map_err(CertificateError::Key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Made {
        config: RustlsConfig::from_config(Arc::new(config)),
        authority_pem: own.pem(),
    })
}
