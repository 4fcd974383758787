//! Key Vaults: what they hold, and their answer to whoever reads a secret. A vault is asked at the simulator's own address with its
//! host in the `Host` header. What they hold comes from the seed alone, and is never saved, exported or logged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::message::{Method, Request, Response};
use super::world::World;

/// How the host names of vaults end, in every cloud.
const SUFFIXES: [&str; 3] = ["vault.azure.net", "vault.usgovcloudapi.net", "vault.azure.cn"];

/// Who tokens for vaults are made out to.
const AUDIENCE: &str = "https://vault.azure.net";

/// What vaults hold: by the name of the vault, then by that of the secret.
pub type Vaults = BTreeMap<String, BTreeMap<String, Held>>;

/// A secret of a vault.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Held {
    /// A text that everybody with a token for vaults may read.
    Plain(String),
    /// The same with more to say.
    Full(HeldInFull),
}

/// A secret of a vault, with what else is known of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldInFull {
    /// The text of its newest version.
    pub value: String,
    /// Whether it may be read at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether its readers lack the role for it.
    #[serde(default)]
    pub denied: bool,
    /// The texts of its versions, by version.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// The vault whose host a request names, if it is one.
pub(crate) fn asked(request: &Request) -> Option<String> {
    let host = request.header("host")?.to_ascii_lowercase();
    let host = host.split(':').next()?;
    let (vault, suffix) = host.split_once('.')?;
    SUFFIXES.contains(&suffix).then(|| vault.to_owned())
}

/// What a vault answers.
pub(crate) fn answer(world: &World, vault: &str, request: &Request) -> Response {
    match audience(request).as_deref() {
        Some(AUDIENCE) => {}
        Some(other) => {
            let message = format!("AKV10022: Invalid audience. Expected {AUDIENCE}, found: {other}.");
            return unauthorized(world, &message);
        }
        None => return unauthorized(world, "AKV10000: Request is missing a Bearer or PoP token."),
    }
    if request.parameter("api-version").as_deref() != Some("7.4") {
        let message = "The simulator speaks the api-version 7.4 of vaults.";
        return refused(400, "BadParameter", message, None);
    }
    let mut parts = request.path.trim_matches('/').split('/');
    let (name, version) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("secrets"), Some(name), version, None) if request.method == Method::Get => (name, version),
        _ => {
            let message = format!(
                "The simulated vault has nothing at {} {}.",
                request.method, request.path
            );
            return refused(404, "NotFound", &message, None);
        }
    };
    let Some(secrets) = world.vaults.get(vault) else {
        let message = format!("The simulated world has no vault '{vault}'.");
        return refused(404, "VaultNotFound", &message, None);
    };
    // Names compare without case.
    let held = secrets.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let (value, enabled, denied) = match (held.map(|(_, held)| held), version) {
        (Some(Held::Plain(value)), None) => (Some(value), true, false),
        (Some(Held::Full(held)), None) => (Some(&held.value), held.enabled, held.denied),
        (Some(Held::Full(held)), Some(version)) => (held.versions.get(version), held.enabled, held.denied),
        (Some(Held::Plain(_)), Some(_)) | (None, _) => (None, true, false),
    };
    if denied {
        let message = format!(
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions \
             were changed recently, please observe propagation time.\r\nAction: \
             'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nAssignment: (not found)\r\nVault: {vault}"
        );
        return refused(403, "Forbidden", &message, Some("ForbiddenByRbac"));
    }
    let Some(value) = value else {
        let message = format!(
            "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able \
             to recover it using the correct recovery command."
        );
        return refused(404, "SecretNotFound", &message, None);
    };
    if !enabled {
        let message = "Operation get is not allowed on a disabled secret.";
        return refused(403, "Forbidden", message, Some("SecretDisabled"));
    }
    let id = format!("{}{}", request.base, request.path);
    Response::json(
        200,
        &json!({ "value": value, "id": id, "attributes": { "enabled": true } }),
    )
}

/// Who the bearer token of a request is made out to; nothing where there is none that can be read.
fn audience(request: &Request) -> Option<String> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    let claims = token
        .trim()
        .split('.')
        .nth(1)
        .filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let audience = claims.get("aud")?.as_str()?;
    Some(audience.trim_end_matches('/').to_owned())
}

fn unauthorized(world: &World, message: &str) -> Response {
    let challenge = format!(
        "Bearer authorization=\"https://login.microsoftonline.com/{}\", resource=\"{AUDIENCE}\"",
        world.tenant
    );
    refused(401, "Unauthorized", message, None).with_header("WWW-Authenticate", challenge)
}

/// An error as vaults write it: what tells one 403 from another stands in `innererror`.
fn refused(status: u16, code: &str, message: &str, inner: Option<&str>) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if let (Some(inner), Some(members)) = (inner, error.as_object_mut()) {
        members.insert("innererror".to_owned(), json!({ "code": inner }));
    }
    Response::json(status, &json!({ "error": error }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Seed;
    use jiff::Timestamp;

    const VERSION: &str = "0123456789abcdef0123456789abcdef";

    fn world() -> World {
        let seed = json!({ "vaults": { "kv-erp": {
            "migrator": "hunter1",
            "admin": { "value": "hunter2", "versions": { VERSION: "hunter0" } },
            "off": { "value": "third", "enabled": false },
            "closed": { "value": "fourth", "denied": true }
        } } });
        World::grow(Seed::parse(&seed.to_string()).unwrap(), Timestamp::UNIX_EPOCH).unwrap()
    }

    fn token(world: &mut World, audience: &str) -> String {
        let mut request = Request::new(Method::Post, "/t/oauth2/v2.0/token");
        request.body =
            format!("grant_type=client_credentials&client_id=a&client_secret=b&scope={audience}/.default").into();
        let answer: Value = serde_json::from_slice(&world.handle(&request).body).unwrap();
        format!("Bearer {}", answer["access_token"].as_str().unwrap())
    }

    fn ask(world: &mut World, path: &str) -> (u16, Value) {
        let token = token(world, AUDIENCE);
        let request = Request::new(Method::Get, path)
            .with_header("host", "KV-erp.vault.azure.net")
            .with_header("authorization", &token);
        let answer = world.handle(&request);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn a_secret_is_read_by_name_and_by_version() {
        let mut world = world();
        for (path, value) in [
            ("/secrets/migrator?api-version=7.4", "hunter1"),
            ("/secrets/ADMIN?api-version=7.4", "hunter2"),
            (&format!("/secrets/admin/{VERSION}?api-version=7.4"), "hunter0"),
        ] {
            let (status, answer) = ask(&mut world, path);
            assert_eq!((status, &answer["value"]), (200, &json!(value)), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_as_vaults_do() {
        let mut world = world();
        for (path, status, code, inner) in [
            (
                "/secrets/off?api-version=7.4",
                403,
                "Forbidden",
                json!("SecretDisabled"),
            ),
            (
                "/secrets/closed?api-version=7.4",
                403,
                "Forbidden",
                json!("ForbiddenByRbac"),
            ),
            ("/secrets/none?api-version=7.4", 404, "SecretNotFound", Value::Null),
            (
                &format!("/secrets/migrator/{VERSION}?api-version=7.4"),
                404,
                "SecretNotFound",
                Value::Null,
            ),
            ("/keys/migrator?api-version=7.4", 404, "NotFound", Value::Null),
            ("/secrets/migrator?api-version=7.9", 400, "BadParameter", Value::Null),
            ("/secrets/migrator", 400, "BadParameter", Value::Null),
        ] {
            let (found, answer) = ask(&mut world, path);
            assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{path}");
            assert_eq!(answer["error"]["innererror"]["code"], inner, "{path}");
        }
    }

    #[test]
    fn a_token_for_something_else_opens_no_vault() {
        let mut world = world();
        let bare = Request::new(Method::Get, "/secrets/migrator?api-version=7.4")
            .with_header("host", "kv-erp.vault.azure.net");
        let other = bare
            .clone()
            .with_header("authorization", &token(&mut world, "https://management.azure.com"));
        for request in [bare, other] {
            let answer = world.handle(&request);
            assert_eq!(answer.status, 401);
            let challenged = answer
                .headers
                .iter()
                .any(|(name, value)| name == "WWW-Authenticate" && value.contains(AUDIENCE));
            assert!(challenged, "{:?}", answer.headers);
        }
    }

    #[test]
    fn no_text_of_a_vault_is_saved_exported_or_logged() {
        let mut world = world();
        let _ = ask(&mut world, "/secrets/migrator?api-version=7.4");
        let saved = String::from_utf8(world.save(crate::simulator::ClockMode::Manual, "")).unwrap();
        let exported = world.export().to_string();
        let logged = serde_json::to_string(&world.log.since(0).collect::<Vec<_>>()).unwrap();
        assert!(logged.contains("/secrets/migrator"), "{logged}");
        for text in [saved, exported, logged] {
            assert!(!text.contains("hunter"), "{text}");
        }
    }
}
