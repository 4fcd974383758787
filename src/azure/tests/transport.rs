//! The real transport, the simulator's clock and its login, against a small server on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use axum::routing::{any, post};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::rig::{SCOPE, VNET, id, json as parsed};
use crate::arm::error::Delivery;
use crate::arm::http::{HeaderValue, Request, Transport};
use crate::arm::operation::Verb;
use crate::arm::{ArmRead, Cloud, CorrelationId, Failure, Found};
use crate::azure::clock::{SIMULATOR_TIME, SimulatedClock, SimulatedTime};
use crate::azure::credential::{CredentialKind, WhichCredential};
use crate::azure::endpoint::Endpoint;
use crate::azure::transport::{HttpTransport, Route};
use crate::azure::{Connection, CredentialSettings, connect};
use crate::clock::Clock;
use crate::secret::Secret;

const NOON: &str = "2026-11-01T12:00:00Z";

/// Runs a server until the test ends.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn get(url: String) -> Request {
    Request {
        verb: Verb::Get,
        url,
        headers: vec![("authorization", HeaderValue::Secret(Secret::new("Bearer t")))],
        body: None,
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_written() {
    let echo = |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let body = String::from_utf8(body.to_vec()).unwrap();
        let answer = json!({ "uri": uri.to_string(), "authorization": text("authorization"), "body": body });
        (StatusCode::CREATED, [("x-ms-request-id", "r")], answer.to_string())
    };
    let base = serve(Router::new().fallback(any(echo))).await;
    let mut request = get(format!("{base}/subscriptions/s//x?$skiptoken=A%2bB%20c&s=a_-"));
    request.verb = Verb::Put;
    request.body = Some(Secret::new("{}"));
    let response = HttpTransport::new(Route::Direct).unwrap().send(&request).await.unwrap();
    assert_eq!(response.status, 201);
    assert_eq!(response.header("X-MS-Request-Id"), Some("r"));
    let seen: Json = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(seen["uri"], "/subscriptions/s//x?$skiptoken=A%2bB%20c&s=a_-");
    assert_eq!(seen["authorization"], "Bearer t");
    assert_eq!(seen["body"], "{}");
}

#[tokio::test]
async fn nobody_listening_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = HttpTransport::new(Route::Direct).unwrap();
    let error = transport
        .send(&get(format!("http://{address}/x?s=SIGNATURE")))
        .await
        .unwrap_err();
    assert_eq!(error.delivered, Delivery::NotSent);
    assert!(error.message.contains("onnection refused"), "{error}");
    assert!(!error.message.contains("SIGNATURE"), "{error}");
}

/// A server that reads one request, answers with these bytes and closes.
async fn rude(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_open() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":"] {
        let base = rude(answer).await;
        let transport = HttpTransport::new(Route::Direct).unwrap();
        let error = transport.send(&get(format!("{base}/x?s=SIGNATURE"))).await.unwrap_err();
        assert_eq!(error.delivered, Delivery::Unknown, "{error}");
        assert!(!error.message.contains("SIGNATURE"), "{error}");
    }
}

#[tokio::test]
async fn the_libraries_below_trace_no_secret_either() {
    let (captured, _guard) = super::log::capture();
    let base = serve(Router::new().fallback(any(|| async { r#"{"token":"BODY-SECRET"}"# }))).await;
    let mut request = get(format!("{base}/o/1?s=SIGNATURE&c=MIIHcert"));
    request.verb = Verb::Put;
    request.headers = vec![("authorization", HeaderValue::Secret(Secret::new("Bearer TOKEN")))];
    request.body = Some(Secret::new("PASSWORD"));
    HttpTransport::new(Route::Direct).unwrap().send(&request).await.unwrap();
    let text = captured.text();
    assert!(!text.is_empty(), "the libraries trace something");
    for hidden in ["SIGNATURE", "MIIHcert", "TOKEN", "PASSWORD", "BODY-SECRET"] {
        assert!(!text.contains(hidden), "{hidden} is shown in\n{text}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let base = serve(Router::new().fallback(any(|| async {
        (StatusCode::FOUND, [("location", "https://evil.example/")])
    })))
    .await;
    let response = HttpTransport::new(Route::Direct)
        .unwrap()
        .send(&get(format!("{base}/x")))
        .await
        .unwrap();
    assert_eq!(response.status, 302);
}

#[derive(Clone, Default)]
struct Simulated {
    tokens: Arc<AtomicUsize>,
    sleeps: Arc<AtomicUsize>,
}

/// The parts of a simulator that a connection needs. Its sleeps end early once, then on time.
fn simulator(state: Simulated) -> Router {
    let token = |State(state): State<Simulated>, body: String| async move {
        assert!(body.contains("grant_type=client_credentials"), "{body}");
        assert!(
            body.contains("scope=https%3A%2F%2Fmanagement.azure.com%2F.default"),
            "{body}"
        );
        let number = state.tokens.fetch_add(1, Ordering::SeqCst) + 1;
        json!({ "token_type": "Bearer", "expires_in": 90, "access_token": format!("t{number}") }).to_string()
    };
    let sleep = |State(state): State<Simulated>, body: String| async move {
        let until = parsed(&body)["until"].as_str().unwrap().to_owned();
        let time = match state.sleeps.fetch_add(1, Ordering::SeqCst) {
            0 => NOON.to_owned(),
            1 => "2026-11-01T12:00:30Z".to_owned(),
            _ => until,
        };
        ([(SIMULATOR_TIME, time)], "{}")
    };
    let arm = |headers: HeaderMap| async move {
        let token = headers.get("authorization").unwrap().to_str().unwrap().to_owned();
        ([(SIMULATOR_TIME, NOON)], json!({ "token": token }).to_string()).into_response()
    };
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/_simulator/sleep", post(sleep))
        .fallback(any(arm))
        .with_state(state)
}

fn connection(base: Option<String>) -> Connection {
    Connection {
        cloud: Cloud::Simulator,
        base_url: base,
        tenant: None,
        further_tenants: Vec::new(),
        credentials: CredentialSettings::default(),
        correlation: CorrelationId(Uuid::nil()),
    }
}

#[tokio::test]
async fn a_simulator_gives_time_tokens_and_answers() {
    let state = Simulated::default();
    let base = serve(simulator(state.clone())).await;
    let connected = connect(connection(Some(base))).await.unwrap();
    assert_eq!(connected.clock.now().to_string(), NOON);
    let nothing = WhichCredential {
        used: None,
        skipped: Vec::new(),
    };
    assert_eq!(connected.credentials.which(), nothing);

    let first = connected.client.get(&id(VNET)).await.unwrap();
    assert_eq!(first, Found::Present(json!({ "token": "Bearer t1" })));
    assert_eq!(connected.credentials.which().used, Some(CredentialKind::Simulator));

    connected.clock.sleep(Duration::from_secs(80)).await;
    assert_eq!(connected.clock.now().to_string(), "2026-11-01T12:01:20Z");
    assert_eq!(
        state.sleeps.load(Ordering::SeqCst),
        3,
        "one to learn the time, one that ended early, one more"
    );

    let second = connected.client.get(&id(VNET)).await.unwrap();
    assert_eq!(
        second,
        Found::Present(json!({ "token": "Bearer t2" })),
        "72 of its 90 seconds had passed"
    );
    assert_eq!(
        connected.clock.now().to_string(),
        "2026-11-01T12:01:20Z",
        "time does not go back"
    );
}

/// A simulator whose answers to sleeps tell this time.
async fn sleeping_at(time: &'static str) -> (SimulatedClock, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let sleep = move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { ([(SIMULATOR_TIME, time)], "{}") }
    };
    let base = serve(Router::new().route("/_simulator/sleep", post(sleep))).await;
    let time = Arc::new(SimulatedTime::default());
    let sleeper = HttpTransport::sleeping().unwrap().telling(Arc::clone(&time));
    (
        SimulatedClock::new(time, Arc::new(sleeper), &Endpoint::new(&base).unwrap()),
        asked,
    )
}

#[tokio::test]
async fn a_sleep_ends_although_the_time_told_is_rounded() {
    let (clock, asked) = sleeping_at("1970-01-01T00:00:09.999Z").await;
    clock.sleep(Duration::new(9, 999_000_001)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(clock.now().as_nanosecond() >= 9_999_000_001);
}

#[tokio::test]
async fn a_clock_that_hears_knows_what_time_it_has_become() {
    let (clock, asked) = sleeping_at("1970-01-01T00:32:00Z").await;
    clock.sleep(Duration::ZERO).await;
    assert_eq!(
        (clock.now(), asked.load(Ordering::SeqCst)),
        (jiff::Timestamp::UNIX_EPOCH, 0)
    );
    clock.hear().await;
    assert_eq!(clock.now().as_second(), 32 * 60);
}

#[tokio::test]
async fn a_simulator_that_closes_sends_its_sleepers_home() {
    let (clock, asked) = sleeping_at("1970-01-01T00:00:00Z").await;
    clock.sleep(Duration::from_secs(3600)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_simulator_that_is_gone_does_not_hold_its_clients() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = Endpoint::new(&format!("http://{address}")).unwrap();
    let sleeper = Arc::new(HttpTransport::sleeping().unwrap());
    let clock = SimulatedClock::new(Arc::new(SimulatedTime::default()), sleeper, &endpoint);
    let slept = tokio::time::timeout(Duration::from_secs(5), clock.sleep(Duration::from_secs(86_400))).await;
    assert!(slept.is_ok());
}

#[tokio::test]
async fn a_connection_needs_an_address_fit_for_tokens() {
    assert_eq!(
        connect(connection(None)).await.err().map(|error| error.to_string()),
        Some("the simulator's address is not known: it is not running".to_owned())
    );
    let mut to_azure = connection(Some("http://management.azure.com".into()));
    to_azure.cloud = Cloud::Public;
    let refused = connect(to_azure).await.err().unwrap().to_string();
    assert!(refused.contains("unencrypted"), "{refused}");
}

#[tokio::test]
async fn without_any_login_the_call_says_what_was_tried() {
    let base = serve(Router::new().fallback(any(|| async { "{}" }))).await;
    let settings = [("PGFERRY_CREDENTIAL", "client_secret")];
    let settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut connection = connection(Some(base));
    connection.cloud = Cloud::Public;
    connection.credentials = CredentialSettings::from_map(&settings).unwrap();
    let connected = connect(connection).await.unwrap();
    let error = connected.client.get(&id(VNET)).await.unwrap_err();
    assert!(matches!(&error.failure, Failure::Unauthenticated { audience, .. } if *audience == SCOPE));
    insta::assert_snapshot!(error.failure, @"no token for https://management.azure.com: no login was found (client_secret: AZURE_CLIENT_SECRET is not set)");
}
