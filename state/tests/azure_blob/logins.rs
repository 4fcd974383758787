//! Tokens of Microsoft Entra in place of a signature, over TLS, as the service wants it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pgferry_state::testing::azurite::Azurite;
use pgferry_state::{
    Authorization, BlobAddress, BlobLogin, BlobManners, BlobSas, BlobStore, BlobTokens, SignInRefused, Store,
};
use reqwest::Client;
use serde_json::json;

use crate::{documents, intent, put};

/// Counts how often it was asked, and refuses where it has no token.
struct Counted {
    header: Option<String>,
    asked: AtomicUsize,
}

#[async_trait]
impl BlobTokens for Counted {
    async fn authorization(&self) -> Result<Authorization, SignInRefused> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let header = self.header.clone();
        header
            .map(Authorization::new)
            .ok_or_else(|| SignInRefused("nobody is logged in".to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_the_state_as_a_signature_does() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let azurite = Azurite::start_with_tokens(certificate.to_str().unwrap(), key.to_str().unwrap()).unwrap();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let http = Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let container = format!("{}/states?restype=container&{}", azurite.endpoint(), Azurite::sas());
    let answer = http.put(container).header("content-length", 0).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);

    let open = |login: BlobLogin| {
        let address = BlobAddress::new(&azurite.endpoint(), "states", "prod").unwrap();
        BlobStore::new(address, login, http.clone(), BlobManners::default())
    };
    let tokens = Arc::new(Counted {
        header: Some(format!("Bearer {}", token())),
        asked: AtomicUsize::new(0),
    });
    let store = open(BlobLogin::Tokens(tokens.clone()));
    let held = store.lock(intent("a")).await.unwrap();
    let before = tokens.asked.load(Ordering::Relaxed);
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    assert_eq!(
        tokens.asked.load(Ordering::Relaxed),
        before + 1,
        "a token is asked for anew at each request"
    );
    held.release().await.unwrap();
    let by_signature = open(BlobLogin::Sas(BlobSas::new(&Azurite::sas())));
    assert_eq!(
        documents(&by_signature.load().await.unwrap().unwrap()),
        [("a", json!(1))]
    );

    for (header, wanted) in [(None, "nobody is logged in"), (Some("Bearer s3cret".to_owned()), "403")] {
        let asked = AtomicUsize::new(0);
        let error = open(BlobLogin::Tokens(Arc::new(Counted { header, asked })))
            .load()
            .await
            .unwrap_err();
        let told = std::error::Error::source(&error).unwrap().to_string();
        assert!(told.contains(wanted) || told.contains("401"), "{told}");
        assert!(!format!("{error:?} {told}").contains("s3cret"));
    }
}

/// A token as Entra's look, good for a century; the emulator reads it and does not check its signature.
fn token() -> String {
    let claims = json!({
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/00000000-0000-0000-0000-000000000001/",
        "iat": 1, "nbf": 1, "exp": 4_000_000_000_u64,
    });
    let part = |value: serde_json::Value| base64url(value.to_string().as_bytes());
    format!(
        "{}.{}.c2ln",
        part(json!({ "alg": "RS256", "typ": "JWT" })),
        part(claims)
    )
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain(&[0, 0])
            .take(3)
            .fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
        text.extend((0..=group.len()).map(|place| char::from(DIGITS[(bits >> (18 - 6 * place)) & 63])));
    }
    text
}
