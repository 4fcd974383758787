//! Signing in: discovery documents, token endpoints, and the check of bearer tokens. Never keeps a secret or a token.

use serde_json::{Value, json};

use super::clock;
use super::message::{Method, Request, Response, decode, pairs};
use super::refusal::Refusal;
use super::world::{Answer, World};

/// Answers everything outside ARM proper; `words` are the path's segments in lower case.
pub(crate) fn answer(world: &mut World, request: &Request, words: &[String]) -> Answer {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (request.method, words.as_slice()) {
        (Method::Get | Method::Head, []) => Ok(Response::json(200, &json!({ "service": "pgferry simulator" }))),
        (Method::Get, ["metadata", "endpoints"]) => Ok(Response::json(200, &endpoints(request))),
        (Method::Get, ["common", "discovery", "instance"]) => Ok(Response::json(200, &instance(request))),
        (
            Method::Get,
            [tenant, ".well-known", "openid-configuration"] | [tenant, "v2.0", ".well-known", "openid-configuration"],
        ) => Ok(Response::json(200, &openid(world, request, tenant))),
        (Method::Get, [_, "discovery", "keys"] | [_, "discovery", "v2.0", "keys"]) => {
            Ok(Response::json(200, &json!({ "keys": [] })))
        }
        (Method::Post, [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"]) => {
            token(world, request, tenant)
        }
        (Method::Get, ["metadata", "identity", "oauth2", "token"] | ["msi", "token"]) => {
            managed_identity(world, request)
        }
        _ => Err(Refusal::new(
            404,
            "NotFound",
            format!("The simulator has nothing at {}.", request.path),
        )),
    }
}

/// The cloud as `az cloud register --endpoint-resource-manager` wants it: one object, not a list.
fn endpoints(request: &Request) -> Value {
    let base = &request.base;
    json!({
        "name": "Simulator",
        "portal": base,
        "resourceManager": format!("{base}/"),
        "authentication": {
            "loginEndpoint": base, "audiences": [format!("{base}/"), "https://management.azure.com/"], "tenant": "common", "identityProvider": "AAD"
        },
        "graph": format!("{base}/"), "graphAudience": format!("{base}/"), "gallery": format!("{base}/"), "batch": format!("{base}/"),
        "media": format!("{base}/"), "sqlManagement": format!("{base}/"), "vmImageAliasDoc": format!("{base}/aliases.json"),
        "microsoftGraphResourceId": format!("{base}/"), "activeDirectoryDataLake": format!("{base}/"),
        "appInsightsResourceId": format!("{base}/"), "logAnalyticsResourceId": format!("{base}/"), "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "suffixes": {
            "storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "sqlServerHostname": "database.windows.net",
            "postgresqlServerEndpoint": "postgres.database.azure.com", "mysqlServerEndpoint": "mysql.database.azure.com",
            "mariadbServerEndpoint": "mariadb.database.azure.com", "acrLoginServer": "azurecr.io"
        }
    })
}

fn instance(request: &Request) -> Value {
    json!({
        "tenant_discovery_endpoint": format!("{}/common/v2.0/.well-known/openid-configuration", request.base),
        "api-version": "1.1",
        "metadata": []
    })
}

fn openid(world: &World, request: &Request, tenant: &str) -> Value {
    let base = &request.base;
    let tenant = if tenant == "common" || tenant == "organizations" {
        world.tenant.as_str()
    } else {
        tenant
    };
    json!({
        "issuer": format!("{base}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "tenant_region_scope": "SIM",
        "cloud_instance_name": "simulator"
    })
}

fn token(world: &mut World, request: &Request, tenant: &str) -> Answer {
    let form = String::from_utf8_lossy(&request.body).into_owned();
    let field = |name: &str| {
        pairs(&form)
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decode(value))
            .filter(|v| !v.is_empty())
    };
    let refused = |error: &str, description: &str| {
        let body = json!({ "error": error, "error_description": description, "error_codes": [] });
        Ok(Response::json(if error == "invalid_client" { 401 } else { 400 }, &body))
    };
    let Some(client) = field("client_id") else {
        return refused(
            "invalid_request",
            "AADSTS900144: The request body must contain the following parameter: 'client_id'.",
        );
    };
    match field("grant_type").as_deref() {
        Some("client_credentials") => {
            let assertion = field("client_assertion_type").as_deref() == Some(ASSERTION_TYPE)
                && field("client_assertion").is_some();
            if field("client_secret").is_none() && !assertion {
                let missing = "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
                return refused("invalid_client", missing);
            }
        }
        Some("refresh_token" | "password" | "authorization_code" | "urn:ietf:params:oauth:grant-type:jwt-bearer") => {}
        Some(_) | None => {
            return refused(
                "unsupported_grant_type",
                "AADSTS70003: The app requested an unsupported grant type.",
            );
        }
    }
    let Some(audience) = field("scope").or_else(|| field("resource")) else {
        return refused(
            "invalid_scope",
            "AADSTS70011: The provided value for the input parameter 'scope' is not valid.",
        );
    };
    let grantee = Grantee {
        client: &client,
        tenant: named_tenant(world, tenant),
    };
    Ok(Response::json(200, &grant(world, request, grantee, &audience)))
}

/// The tenant whose token endpoint this is: one that a subscription belongs to, or else the world's own.
fn named_tenant<'a>(world: &'a World, word: &str) -> &'a str {
    let mut others = world.tenants.values();
    others
        .find(|tenant| tenant.eq_ignore_ascii_case(word))
        .unwrap_or(&world.tenant)
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn managed_identity(world: &mut World, request: &Request) -> Answer {
    let asked = request
        .header("metadata")
        .is_some_and(|yes| yes.eq_ignore_ascii_case("true"))
        || request.header("x-identity-header").is_some();
    let Some(resource) = request.parameter("resource").filter(|_| asked) else {
        let body = json!({ "error": "invalid_request", "error_description": "Required metadata header or resource not specified" });
        return Ok(Response::json(400, &body));
    };
    let client = request
        .parameter("client_id")
        .unwrap_or_else(|| "managed-identity".to_owned());
    let grantee = Grantee {
        client: &client,
        tenant: &world.tenant,
    };
    Ok(Response::json(200, &grant(world, request, grantee, &resource)))
}

/// Who gets a token.
#[derive(Clone, Copy)]
struct Grantee<'a> {
    client: &'a str,
    tenant: &'a str,
}

/// A token: an unsigned JWT whose last part tells when it ends, in simulated time, and its tenant.
fn grant(world: &World, request: &Request, grantee: Grantee<'_>, audience: &str) -> Value {
    let Grantee { client, tenant } = grantee;
    let life = world.options.token_life.0;
    let (now, ends) = (world.now.as_second(), clock::later(world.now, life).as_second());
    let audience = audience.trim_end_matches("/.default");
    let claims = json!({
        "aud": audience, "iss": format!("{}/{tenant}/", request.base), "iat": now, "nbf": now, "exp": ends,
        "appid": client, "oid": client, "sub": client, "tid": tenant, "idtyp": "app", "ver": "1.0"
    });
    let header = json!({ "typ": "JWT", "alg": "RS256" });
    let token = format!(
        "{}.{}.{SIGNATURE}{ends}_{tenant}",
        base64url(&header.to_string()),
        base64url(&claims.to_string())
    );
    json!({
        "token_type": "Bearer", "access_token": token, "resource": audience,
        "expires_in": life.as_secs(), "ext_expires_in": life.as_secs(), "expires_on": ends.to_string(), "not_before": now.to_string()
    })
}

/// How the last part of our tokens begins.
const SIGNATURE: &str = "simulator-";

/// What we know of a token of ours.
#[derive(Clone, Copy)]
struct Known<'a> {
    /// When it ends, in seconds.
    ends: i64,
    tenant: &'a str,
}

/// A token, if it is one of ours.
fn known(token: &str) -> Option<Known<'_>> {
    let last = token.trim().rsplit('.').next()?.strip_prefix(SIGNATURE)?;
    let (ends, tenant) = last.split_once('_')?;
    let ends = ends.parse().ok()?;
    Some(Known { ends, tenant })
}

/// The token of a header's value.
fn bearer(value: &str) -> &str {
    match value.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => "",
    }
}

/// Checks that every subscription that a body names is of a tenant that the request has a token of (contract 2.2). Foreign
/// tokens reach everywhere.
pub(crate) fn may_link(world: &World, request: &Request) -> Result<(), Refusal> {
    if world.tenants.is_empty() || request.body.is_empty() {
        return Ok(());
    }
    let own = bearer(request.header("authorization").unwrap_or_default());
    let auxiliary = request.header("x-ms-authorization-auxiliary").unwrap_or_default();
    let tokens = std::iter::once(own).chain(auxiliary.split(',').map(bearer).filter(|token| !token.is_empty()));
    let tokens: Option<Vec<Known<'_>>> = tokens.map(known).collect();
    let Some(tokens) = tokens else { return Ok(()) };
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut named = Vec::new();
    subscriptions_in(&body, &mut named);
    let reaches = |subscription: &str| {
        let tenant = world.tenant_of(subscription);
        let mut living = tokens.iter().filter(|token| token.ends > world.now.as_second());
        living.any(|token| token.tenant.eq_ignore_ascii_case(tenant))
    };
    match named.into_iter().find(|subscription| !reaches(subscription)) {
        None => Ok(()),
        Some(subscription) => {
            let tenant = tokens.first().map_or("", |token| token.tenant);
            let message = format!(
                "The client has permission to perform action on scope '{}'; however, the current tenant '{tenant}' is not authorized to access linked subscription '{subscription}'.",
                request.path
            );
            Err(Refusal::new(403, "LinkedAuthorizationFailed", message))
        }
    }
}

/// The subscriptions of all ids in a body.
fn subscriptions_in(body: &Value, found: &mut Vec<String>) {
    match body {
        Value::String(text) => {
            let id = text.to_ascii_lowercase();
            if let Some(rest) = id.strip_prefix("/subscriptions/") {
                found.extend(rest.split('/').next().map(str::to_owned));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| subscriptions_in(item, found)),
        Value::Object(members) => members.values().for_each(|member| subscriptions_in(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Checks the bearer token: there must be one, and one of ours must not have ended, and be of the tenant that the subscription
/// belongs to. Foreign tokens are taken as they are.
pub(crate) fn authenticate(world: &World, request: &Request, subscription: Option<&str>) -> Result<(), Refusal> {
    let tenant = subscription.map_or(world.tenant.as_str(), |id| world.tenant_of(id));
    let refuse = |code: &'static str, message: &str, challenge: &str| {
        let mut refusal = Refusal::new(401, code, message);
        let authority = format!("{}/{tenant}", request.base);
        refusal.challenge = Some(format!(
            "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", error_description=\"{challenge}\""
        ));
        Err(refusal)
    };
    let token = bearer(request.header("authorization").unwrap_or_default());
    if token.is_empty() {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return refuse(
            "AuthenticationFailed",
            message,
            "The authentication failed because of missing 'Authorization' header.",
        );
    }
    match known(token) {
        Some(known) if known.ends <= world.now.as_second() => {
            let message = "The access token expiry UTC time is earlier than current UTC time.";
            refuse("ExpiredAuthenticationToken", message, "The access token has expired.")
        }
        Some(known) if !known.tenant.eq_ignore_ascii_case(tenant) => {
            let message = format!(
                "The access token is from the wrong issuer '{base}/{}/'. It must match the tenant '{base}/{tenant}/' associated with this subscription. Please use the authority (URL) '{base}/{tenant}' to get the token.",
                known.tenant,
                base = request.base
            );
            let challenge = "The authentication failed because of invalid token issuer.";
            refuse("InvalidAuthenticationTokenTenant", &message, challenge)
        }
        Some(_) | None => Ok(()),
    }
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * position)) & 63;
            let letter = usize::try_from(index)
                .ok()
                .and_then(|index| ALPHABET.get(index))
                .copied()
                .unwrap_or(b'A');
            out.push(char::from(letter));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::options::Options;
    use jiff::Timestamp;
    use std::time::Duration;

    fn ask(world: &mut World, form: &str) -> Response {
        let mut request = Request::new(Method::Post, "/common/oauth2/v2.0/token");
        request.body = form.as_bytes().to_vec();
        world.handle(&request)
    }

    #[test]
    fn base64_of_all_lengths() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(base64url),
            ["", "Zg", "Zm8", "Zm9v", "Zm9vYg"].map(str::to_owned)
        );
    }

    #[test]
    fn a_token_works_for_an_hour_of_simulated_time() {
        let mut world = World::new(Timestamp::UNIX_EPOCH, Options::default());
        world.subscriptions.insert("s".to_owned());
        let form = "grant_type=client_credentials&client_id=a&client_secret=b&scope=https%3A%2F%2Fm%2F.default";
        let granted = ask(&mut world, form).value();
        assert_eq!(granted["expires_in"], 3600);
        let bearer = format!("Bearer {}", granted["access_token"].as_str().unwrap());
        let get =
            Request::new(Method::Get, "/subscriptions?api-version=2022-12-01").with_header("Authorization", &bearer);
        assert_eq!(world.handle(&get).status, 200);
        world.advance(Duration::from_secs(3600));
        let refused = world.handle(&get);
        assert_eq!(
            (refused.status, refused.value()["error"]["code"].as_str()),
            (401, Some("ExpiredAuthenticationToken"))
        );
        assert!(refused.header("WWW-Authenticate").unwrap().starts_with("Bearer "));
    }

    #[test]
    fn a_request_without_credentials_gets_no_token() {
        let mut world = World::new(Timestamp::UNIX_EPOCH, Options::default());
        assert_eq!(
            ask(&mut world, "grant_type=client_credentials&client_id=a&scope=x").status,
            401
        );
        assert_eq!(ask(&mut world, "grant_type=magic&client_id=a&scope=x").status, 400);
        assert_eq!(ask(&mut world, "").status, 400);
        let bare = Request::new(Method::Get, "/subscriptions?api-version=2022-12-01");
        assert_eq!(world.handle(&bare).status, 401);
    }
}
