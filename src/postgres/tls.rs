//! libpq's sslmodes on top of rustls: which certificates are accepted. It never opens a connection.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::ConnectFailure;
use crate::database::{Roots, SslMode};

/// What turns a TCP stream into a TLS stream as `mode` asks.
///
/// # Errors
/// When the mode needs roots and none can be used.
pub(super) fn connector(mode: SslMode, roots: &Roots) -> Result<MakeRustlsConnect, ConnectFailure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trust = match mode {
        // Nothing is verified, so unusable roots are no reason to refuse.
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Trust::Anyone,
        SslMode::VerifyCa => Trust::chain(Name::Ignored, roots, &provider)?,
        SslMode::VerifyFull => Trust::chain(Name::Checked, roots, &provider)?,
    };
    let verifier = Arc::new(Verifier {
        trust,
        provider: Arc::clone(&provider),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConnectFailure::Handshake)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trust {
    Anyone,
    Chain {
        name: Name,
        /// Certificates given by the user. PostgreSQL's manual shows how to make a self-signed server certificate, which is its own
        /// authority and therefore no valid leaf for webpki; one that is trusted byte for byte needs no chain.
        pinned: Vec<CertificateDer<'static>>,
        webpki: Arc<WebPkiServerVerifier>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Name {
    Checked,
    Ignored,
}

impl Trust {
    fn chain(name: Name, roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Self, ConnectFailure> {
        let pinned = match roots {
            Roots::System => Vec::new(),
            Roots::Pem(text) => CertificateDer::pem_slice_iter(text)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| ConnectFailure::Roots(error.to_string()))?,
        };
        let mut store = RootCertStore::empty();
        match roots {
            Roots::System => store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            Roots::Pem(_) => store.add_parsable_certificates(pinned.iter().cloned()),
        };
        if store.is_empty() {
            return Err(ConnectFailure::Roots("no certificate among them".to_owned()));
        }
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|error| ConnectFailure::Roots(error.to_string()))?;
        Ok(Self::Chain { name, pinned, webpki })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (name, pinned, webpki) = match &self.trust {
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
            Trust::Chain { name, pinned, webpki } => (*name, pinned, webpki),
        };
        if pinned.iter().any(|pin| pin.as_ref() == leaf.as_ref()) {
            return match name {
                Name::Ignored => Ok(ServerCertVerified::assertion()),
                Name::Checked => verify_server_name(&ParsedCertificate::try_from(leaf)?, host)
                    .map(|()| ServerCertVerified::assertion()),
            };
        }
        let verdict = webpki.verify_server_cert(leaf, chain, host, ocsp, now);
        match (name, verdict) {
            // webpki looks at the name last, so everything else was in order.
            (
                Name::Ignored,
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
            ) => Ok(ServerCertVerified::assertion()),
            (Name::Ignored | Name::Checked, verdict) => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
