//! Which login is used, and what it sends.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, StatusCode};
use azure_identity::Executor;
use jiff::Timestamp;
use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::rig::{SCOPE, TestClock, json};
use crate::azure::credential::{
    Claims, CredentialKind, CredentialSettings, Credentials, EntraOptions, SettingsError, Tenancy, TokenError,
};

/// An authority or metadata service that answers as told and remembers what it was asked.
struct Authority {
    status: StatusCode,
    body: &'static str,
    asked: Mutex<Vec<String>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

const TOKEN: &str = r#"{"token_type":"Bearer","expires_in":3600,"access_token":"the-token"}"#;

impl Authority {
    fn answering(status: u16, body: &'static str) -> Arc<Self> {
        Arc::new(Self {
            status: status.into(),
            body,
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl HttpClient for Authority {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::SeekableStream(_) => panic!("forms are not streamed"),
        };
        self.asked.lock().unwrap().push(format!("{} {}", request.url(), body));
        Ok(AsyncRawResponse::from_bytes(
            self.status,
            Headers::default(),
            self.body.as_bytes(),
        ))
    }
}

/// `az`, or its absence.
#[derive(Debug)]
struct Az(Result<&'static str, &'static str>);

#[async_trait]
impl Executor for Az {
    async fn run(&self, _: &OsStr, arguments: &[&OsStr]) -> std::io::Result<Output> {
        let line = arguments
            .iter()
            .map(|argument| argument.to_string_lossy())
            .collect::<String>();
        assert!(line.contains("az account get-access-token"), "{line}");
        let (stdout, stderr, code) = match self.0 {
            Ok(stdout) => (stdout, "", 0),
            Err(stderr) => ("", stderr, 1),
        };
        Ok(Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(code << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        })
    }
}

struct Setting {
    authority: Arc<Authority>,
    machine: Arc<Authority>,
    az: Az,
    settings: Vec<(&'static str, String)>,
}

impl Setting {
    fn of(settings: &[(&'static str, &str)]) -> Self {
        Self {
            authority: Authority::answering(200, TOKEN),
            machine: Authority::answering(404, ""),
            az: Az(Err("ERROR: Please run 'az login' to setup account.")),
            settings: settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }

    fn credentials(self) -> (Credentials, Arc<Authority>) {
        let map: BTreeMap<String, String> = self
            .settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let settings = CredentialSettings::from_map(&map).unwrap();
        let options = EntraOptions {
            authority: "https://login.microsoftonline.us".into(),
            tenant: None,
            tenancy: Tenancy::Own,
            http: self.authority.clone(),
            direct: self.machine,
            executor: Some(Arc::new(self.az)),
            clock: TestClock::new(),
        };
        (Credentials::discover(&settings, options), self.authority)
    }
}

const SECRET: [(&str, &str); 3] = [
    ("AZURE_TENANT_ID", "tenant"),
    ("AZURE_CLIENT_ID", "app"),
    ("AZURE_CLIENT_SECRET", "hush hush"),
];

#[tokio::test]
async fn a_client_secret_is_sent_to_the_cloud_s_own_authority() {
    let (captured, _guard) = super::log::capture();
    let (credentials, authority) = Setting::of(&SECRET).credentials();
    let token = credentials.fetch(&SCOPE, None).await.unwrap();
    assert_eq!(token.secret.expose(), "the-token");
    assert_eq!(credentials.which().used, Some(CredentialKind::ClientSecret));
    insta::assert_snapshot!(authority.asked().join("\n"), @"https://login.microsoftonline.us/tenant/oauth2/v2.0/token client_id=app&client_secret=hush+hush&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default");
    for hidden in ["hush", "the-token"] {
        assert!(!captured.text().contains(hidden), "{}", captured.text());
    }
}

#[tokio::test]
async fn each_fetch_asks_anew_and_passes_claims_on() {
    let (credentials, authority) = Setting::of(&SECRET).credentials();
    credentials.fetch(&SCOPE, None).await.unwrap();
    let claims = Claims::of_challenge(r#"Bearer claims="eyJhIjoxfQ==""#).unwrap();
    credentials.fetch(&SCOPE, Some(&claims)).await.unwrap();
    let asked = authority.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].ends_with("&claims=%7B%22a%22%3A1%7D"), "{}", asked[1]);
}

#[tokio::test]
async fn a_login_that_is_set_up_wrong_does_not_become_another_one() {
    let refusal = r#"{"error":"invalid_client","error_codes":[7000215],"error_description":"AADSTS7000215: Invalid client secret hush hush provided."}"#;
    let mut setting = Setting::of(&SECRET);
    setting.authority = Authority::answering(401, refusal);
    setting.az = Az(Ok(
        r#"{"accessToken":"a","expires_on":4000000000,"tokenType":"Bearer"}"#,
    ));
    let (credentials, _) = setting.credentials();
    let error = credentials.fetch(&SCOPE, None).await.unwrap_err();
    assert!(matches!(
        &error,
        TokenError::Refused {
            kind: CredentialKind::ClientSecret,
            ..
        }
    ));
    let shown = error.to_string();
    assert!(shown.contains("AADSTS7000215"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn a_federated_token_is_read_from_its_file_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let (credentials, authority) = Setting::of(&[
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ])
    .credentials();
    credentials.fetch(&SCOPE, None).await.unwrap();
    std::fs::write(&file, "second").unwrap();
    credentials.fetch(&SCOPE, None).await.unwrap();
    let asked = authority.asked();
    assert!(asked[0].contains("client_assertion=first&"), "{}", asked[0]);
    assert!(asked[1].contains("client_assertion=second&"), "{}", asked[1]);
    assert_eq!(credentials.which().used, Some(CredentialKind::WorkloadIdentity));
    let skipped: Vec<_> = credentials.which().skipped.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(skipped.join("\n"), @"
    client_secret: AZURE_CLIENT_SECRET is not set
    client_certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set
    ");

    std::fs::remove_file(&file).unwrap();
    let error = credentials.fetch(&SCOPE, None).await.unwrap_err().to_string();
    assert!(
        error.starts_with("workload_identity: ") && error.contains("cannot be read"),
        "{error}"
    );
}

/// A pipeline's issuer and Entra in one: the first is asked for a token, and the second given it.
struct Issuer {
    asked: Mutex<Vec<String>>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer")
    }
}

#[async_trait]
impl HttpClient for Issuer {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let authorization = request.headers().get_optional_str(&"authorization".into());
        let url = request.url().as_str();
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::SeekableStream(_) => panic!("forms are not streamed"),
        };
        let mut asked = self.asked.lock().unwrap();
        let is_issuer = !url.contains("login.microsoftonline");
        let answer = match (is_issuer, authorization) {
            (true, Some("Bearer job")) if url.contains("github") => format!(r#"{{"value":"vouched-{}"}}"#, asked.len()),
            (true, Some("Bearer job")) => format!(r#"{{"oidcToken":"vouched-{}"}}"#, asked.len()),
            (true, _) => return Ok(AsyncRawResponse::from_bytes(401.into(), Headers::default(), "no")),
            (false, _) => TOKEN.to_owned(),
        };
        asked.push(format!("{} {url} {body}", request.method()));
        Ok(AsyncRawResponse::from_bytes(
            200.into(),
            Headers::default(),
            answer.into_bytes(),
        ))
    }
}

fn in_a_pipeline(settings: &[(&str, &str)]) -> (Credentials, Arc<Issuer>) {
    let issuer = Arc::new(Issuer {
        asked: Mutex::default(),
    });
    let identity = [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "app")];
    let map = identity.iter().chain(settings);
    let map = map
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let options = EntraOptions {
        authority: "https://login.microsoftonline.us".into(),
        tenant: None,
        tenancy: Tenancy::Own,
        http: issuer.clone(),
        direct: Authority::answering(404, ""),
        executor: Some(Arc::new(Az(Err("not logged in")))),
        clock: TestClock::new(),
    };
    let settings = CredentialSettings::from_map(&map).unwrap();
    (Credentials::discover(&settings, options), issuer)
}

#[tokio::test]
async fn a_pipeline_vouches_for_its_job_anew_each_time() {
    let github = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github.example/token?run=7"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job"),
    ];
    let devops = [
        ("SYSTEM_OIDCREQUESTURI", "https://dev.example/oidctoken"),
        ("SYSTEM_ACCESSTOKEN", "job"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection"),
    ];
    for settings in [&github[..], &devops[..]] {
        let (credentials, issuer) = in_a_pipeline(settings);
        let _ = credentials.fetch(&SCOPE, None).await.unwrap();
        let _ = credentials.fetch(&SCOPE, None).await.unwrap();
        assert_eq!(credentials.which().used, Some(CredentialKind::WorkloadIdentity));
        let asked = issuer.asked.lock().unwrap().clone();
        let [first, exchanged, _, again] = &asked[..] else {
            panic!("{asked:?}")
        };
        let wanted = match settings.len() {
            2 => "GET https://github.example/token?run=7&audience=api%3A%2F%2FAzureADTokenExchange ",
            _ => "POST https://dev.example/oidctoken?api-version=7.1&serviceConnectionId=connection ",
        };
        assert_eq!(first, wanted);
        assert!(exchanged.contains("client_assertion=vouched-0&"), "{exchanged}");
        assert!(again.contains("client_assertion=vouched-2&"), "{again}");
    }
}

#[tokio::test]
async fn a_pipeline_that_does_not_vouch_is_named_and_its_token_is_not() {
    for (url, token, said) in [
        ("https://github.example/token", "hush", "status 401"),
        ("http://github.example/token", "job", "not https"),
    ] {
        let (credentials, _) = in_a_pipeline(&[
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token),
        ]);
        let refused = credentials.fetch(&SCOPE, None).await.unwrap_err().to_string();
        assert!(
            refused.contains("GitHub Actions gave no token") && refused.contains(said),
            "{refused}"
        );
        assert!(!refused.contains("hush"), "{refused}");
    }
}

#[tokio::test]
async fn the_azure_cli_comes_last() {
    let mut setting = Setting::of(&[]);
    setting.az = Az(Ok(
        r#"{"accessToken":"from-az","expires_on":4000000000,"tokenType":"Bearer"}"#,
    ));
    let (credentials, _) = setting.credentials();
    let token = credentials.fetch(&SCOPE, None).await.unwrap();
    assert_eq!(token.secret.expose(), "from-az");
    assert_eq!(token.expires, Timestamp::from_second(4_000_000_000).unwrap());
    assert_eq!(credentials.which().used, Some(CredentialKind::AzureCli));
    assert_eq!(credentials.which().skipped.len(), 4);
}

#[tokio::test]
async fn nothing_set_up_names_every_reason() {
    let (credentials, _) = Setting::of(&[("AZURE_TENANT_ID", "")]).credentials();
    let error = credentials.fetch(&SCOPE, None).await.unwrap_err();
    let TokenError::Nothing { tried } = &error else {
        panic!("{error:?}");
    };
    let tried: Vec<_> = tried.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(tried.join("\n"), @"
    client_secret: AZURE_CLIENT_SECRET is not set
    client_certificate: AZURE_CLIENT_CERTIFICATE_PATH is not set
    workload_identity: AZURE_FEDERATED_TOKEN_FILE is not set
    managed_identity: this machine has no Azure metadata service
    azure_cli: ERROR: Please run 'az login' to setup account.
    ");
    assert_eq!(credentials.which().used, None);
}

#[tokio::test]
async fn a_login_that_is_set_up_by_half_is_not_passed_over_for_another() {
    for (name, value) in [
        ("AZURE_CLIENT_SECRET", "hush"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "app.pem"),
        ("AZURE_FEDERATED_TOKEN_FILE", "token"),
    ] {
        let mut setting = Setting::of(&[(name, value), ("AZURE_CLIENT_ID", "app")]);
        setting.az = Az(Ok(
            r#"{"accessToken":"from-az","expires_on":4000000000,"tokenType":"Bearer"}"#,
        ));
        let (credentials, _) = setting.credentials();
        let refused = credentials.fetch(&SCOPE, None).await.unwrap_err();
        assert!(matches!(&refused, TokenError::Refused { .. }), "{name}: {refused:?}");
        assert!(refused.to_string().contains("AZURE_TENANT_ID is not set"), "{refused}");
    }
}

#[tokio::test]
async fn a_named_credential_is_the_only_one_tried() {
    let mut setting = Setting::of(&SECRET);
    setting.settings.push(("PGFERRY_CREDENTIAL", "azure_cli".into()));
    let (credentials, authority) = setting.credentials();
    assert!(credentials.fetch(&SCOPE, None).await.is_err());
    assert!(authority.asked().is_empty());
    let unknown = BTreeMap::from([("PGFERRY_CREDENTIAL".to_owned(), "password".to_owned())]);
    assert_eq!(
        CredentialSettings::from_map(&unknown).unwrap_err(),
        SettingsError::UnknownCredential("password".into())
    );
}

/// A file with a self-signed certificate and its key; the certificate; the public key.
fn certificate(directory: &Path) -> (PathBuf, CertificateDer<'static>, Vec<u8>) {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["app".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let file = directory.join("app.pem");
    std::fs::write(&file, format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
    (file, certificate.der().clone(), key.public_key_raw().to_vec())
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_its_public_key_verifies() {
    let directory = tempfile::tempdir().unwrap();
    let (file, der, public_key) = certificate(directory.path());
    let (credentials, authority) = Setting::of(&[
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", file.to_str().unwrap()),
    ])
    .credentials();
    credentials.fetch(&SCOPE, None).await.unwrap();
    assert_eq!(credentials.which().used, Some(CredentialKind::ClientCertificate));

    let asked = authority.asked().remove(0);
    let assertion = asked
        .split("client_assertion=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let parts: Vec<&str> = assertion.split('.').collect();
    let plain = |part: &str| azure_core::base64::decode_url_safe(part).unwrap();
    let header = json(std::str::from_utf8(&plain(parts[0])).unwrap());
    let claims = json(std::str::from_utf8(&plain(parts[1])).unwrap());
    assert_eq!(header["alg"], "PS256");
    assert_eq!(
        claims["aud"],
        "https://login.microsoftonline.us/tenant/oauth2/v2.0/token"
    );
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str()),
        (Some("app"), Some("app"))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap(), 600);

    let thumbprint = header["x5t#S256"].as_str().unwrap();
    assert_eq!(plain(thumbprint), Sha256::digest(&der).to_vec());

    let signed = format!("{}.{}", parts[0], parts[1]);
    let known = rustls::crypto::aws_lc_rs::default_provider()
        .signature_verification_algorithms
        .mapping;
    let (_, algorithms) = known
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::RSA_PSS_SHA256)
        .unwrap();
    algorithms[0]
        .verify_signature(&public_key, signed.as_bytes(), &plain(parts[2]))
        .unwrap();
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let (good, _, _) = certificate(directory.path());
    let good = std::fs::read_to_string(good).unwrap();
    let key_end = good.find("-----BEGIN CERTIFICATE").unwrap();
    let elliptic = rcgen::generate_simple_self_signed(vec!["app".to_owned()]).unwrap();
    let elliptic = format!("{}{}", elliptic.signing_key.serialize_pem(), elliptic.cert.pem());
    for (content, expected) in [
        (&b"\x30\x82"[..], "is a PKCS#12 file"),
        (b"", "holds no certificate in PEM form"),
        (&good.as_bytes()[..key_end], "holds no certificate in PEM form"),
        (
            &good.as_bytes()[key_end..],
            "holds no unencrypted private key in PEM form",
        ),
        (elliptic.as_bytes(), "is not an RSA key"),
    ] {
        let file = directory.path().join("case.pem");
        std::fs::write(&file, content).unwrap();
        let (credentials, _) = Setting::of(&[
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "app"),
            ("AZURE_CLIENT_CERTIFICATE_PATH", file.to_str().unwrap()),
        ])
        .credentials();
        let error = credentials.fetch(&SCOPE, None).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
}
