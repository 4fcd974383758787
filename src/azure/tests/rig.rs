//! The scripted service, the clock and the login that the tests share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::arm::error::Delivery;
use crate::arm::http::{HeaderValue, Request, Response, Transport};
use crate::arm::{ArmId, Body, Call, Cloud, CorrelationId, Failure, Scope, TransportError};
use crate::azure::client::{Client, Parts};
use crate::azure::credential::{Claims, CredentialKind, Credentials, Tenants, Token, TokenError, TokenSource, Tokens};
use crate::azure::endpoint::Endpoint;
use crate::azure::meter::Meter;
use crate::azure::pipeline::Pipeline;
use crate::azure::policy::auth::Auth;
use crate::azure::policy::correlation::Correlation;
use crate::azure::policy::govern::{Caps, Governor};
use crate::azure::policy::log::Log;
use crate::azure::policy::own::Own;
use crate::azure::policy::retry::{Jitter, Retries};
use crate::azure::vault::{Door, Vaults};
use crate::clock::Clock;
use crate::secret::Secret;

pub(super) const BASE: &str = "https://management.azure.com";
pub(super) const SCOPE: Scope = Scope("https://management.azure.com/.default");
pub(super) const VNET: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v";
pub(super) const SERVER: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg";

/// A clock that moves only when somebody sleeps.
pub(super) struct TestClock {
    now: Mutex<Timestamp>,
    slept: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new("2026-11-01T12:00:00Z".parse().unwrap()),
            slept: Mutex::default(),
        })
    }

    pub(super) fn slept(&self) -> Vec<f64> {
        self.slept.lock().unwrap().iter().map(Duration::as_secs_f64).collect()
    }

    pub(super) fn advance(&self, seconds: i64) {
        *self.now.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now() + SignedDuration::try_from(duration).unwrap();
        self.slept.lock().unwrap().push(duration);
        // Others that are ready run before time moves on.
        tokio::task::yield_now().await;
        let mut now = self.now.lock().unwrap();
        *now = (*now).max(until);
    }
}

pub(super) type Step = Result<Response, TransportError>;

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Step {
    Ok(Response {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    })
}

/// An error answer with this code.
pub(super) fn refusal(status: u16, headers: &[(&str, &str)], code: &str) -> Step {
    answer(
        status,
        headers,
        &format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#),
    )
}

pub(super) fn no_answer(delivered: Delivery) -> Step {
    Err(TransportError {
        message: "connection reset".into(),
        delivered,
    })
}

/// What the service saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    pub(super) at: Timestamp,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A service that answers from a script, in order; then it repeats its last resort, if it has one.
pub(super) struct Service {
    steps: Mutex<VecDeque<Step>>,
    resort: Option<Step>,
    seen: Mutex<Vec<Seen>>,
    clock: Arc<TestClock>,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: &Request) -> Step {
        let seen = Seen {
            method: request.verb.method(),
            url: request.url.clone(),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| {
                    let text = match value {
                        HeaderValue::Plain(text) => text.clone(),
                        HeaderValue::Secret(secret) => secret.expose().to_owned(),
                    };
                    (*name, text)
                })
                .collect(),
            body: request.body.as_ref().map(|body| body.expose().to_owned()),
            at: self.clock.now(),
        };
        self.seen.lock().unwrap().push(seen);
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let step = self.steps.lock().unwrap().pop_front();
        step.or_else(|| self.resort.clone())
            .expect("the script has an answer for every request")
    }
}

/// A login that counts, and whose tokens are `token-1`, `token-2`, …
pub(super) struct Login {
    pub(super) fetched: AtomicU64,
    pub(super) life: SignedDuration,
    pub(super) claims: Mutex<Vec<Option<String>>>,
    pub(super) broken: Mutex<Option<TokenError>>,
    clock: Arc<TestClock>,
}

impl Login {
    pub(super) fn new(clock: &Arc<TestClock>, life_seconds: i64) -> Arc<Self> {
        Arc::new(Self {
            fetched: AtomicU64::new(0),
            life: SignedDuration::from_secs(life_seconds),
            claims: Mutex::default(),
            broken: Mutex::default(),
            clock: Arc::clone(clock),
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.fetched.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenSource for Login {
    fn kind(&self) -> CredentialKind {
        CredentialKind::ClientSecret
    }

    async fn fetch(&self, _: &Scope, claims: Option<&Claims>) -> Result<Token, TokenError> {
        // Whoever else wants a token meanwhile has to wait for this one.
        tokio::task::yield_now().await;
        if let Some(error) = self.broken.lock().unwrap().clone() {
            return Err(error);
        }
        let number = self.fetched.fetch_add(1, Ordering::SeqCst) + 1;
        self.claims
            .lock()
            .unwrap()
            .push(claims.map(|claims| claims.as_str().to_owned()));
        Ok(Token {
            secret: Secret::new(format!("token-{number}")),
            expires: self.clock.now() + self.life,
        })
    }
}

/// A client with all that stands around it.
pub(super) struct Rig {
    pub(super) client: Arc<Client>,
    pub(super) clock: Arc<TestClock>,
    pub(super) login: Arc<Login>,
    service: Arc<Service>,
}

impl Rig {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self::built(steps, None, Caps::Always, 3600)
    }

    /// A service that gives this answer for ever.
    pub(super) fn always(step: Step) -> Self {
        Self::built(Vec::new(), Some(step), Caps::Always, 3600)
    }

    pub(super) fn built(steps: Vec<Step>, resort: Option<Step>, caps: Caps, token_life: i64) -> Self {
        let clock = TestClock::new();
        let login = Login::new(&clock, token_life);
        let service = Arc::new(Service {
            steps: Mutex::new(steps.into()),
            resort,
            seen: Mutex::default(),
            clock: clock.clone(),
            in_flight: AtomicU64::default(),
            most_in_flight: AtomicU64::default(),
        });
        let credentials = Arc::new(Credentials::of(vec![login.clone()]));
        let tokens = Arc::new(Tokens::new(credentials, clock.clone()));
        let meter = Arc::new(Meter::default());
        let governor = Arc::new(Governor::new(caps, clock.clone()));
        let correlation = CorrelationId(Uuid::nil());
        let pipeline = |tenants, scope| {
            let retries = Retries::new(Jitter::None, clock.clone(), meter.clone());
            Pipeline::new(
                vec![
                    Arc::new(Correlation::new(correlation)),
                    Arc::new(retries),
                    governor.clone(),
                    Arc::new(Auth::new(tenants, scope)),
                    Arc::new(Own),
                    Arc::new(Log),
                ],
                service.clone(),
            )
        };
        let vaults = Vaults {
            door: Door::Own,
            pipeline: pipeline(Tenants::new(tokens.clone(), Vec::new()), Cloud::Public.vault_scope()),
            clock: clock.clone(),
        };
        let client = Arc::new(Client::new(Parts {
            endpoint: Endpoint::new(BASE).unwrap(),
            pipeline: pipeline(Tenants::new(tokens, Vec::new()), SCOPE),
            vaults,
            clock: clock.clone(),
            correlation,
            meter: meter.clone(),
            governor: governor.clone(),
        }));
        Self {
            client,
            clock,
            login,
            service,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.service.seen.lock().unwrap().clone()
    }

    /// How many requests were on their way at once, at most.
    pub(super) fn most_in_flight(&self) -> u64 {
        self.service.most_in_flight.load(Ordering::SeqCst)
    }

    /// What was sent, a line each, without the host.
    pub(super) fn lines(&self) -> String {
        let lines: Vec<String> = self
            .seen()
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.url.replace(BASE, "")))
            .collect();
        lines.join("\n")
    }
}

pub(super) fn id(text: &str) -> ArmId {
    text.parse().unwrap()
}

pub(super) fn call(verb: crate::arm::Verb, on: &str) -> Call {
    Call::new(verb, id(on))
}

pub(super) fn body() -> Body<crate::arm::Final> {
    Body::object([("location", Body::text("westeurope"))])
}

/// The code of a refusal.
pub(super) fn code(failure: &Failure) -> &str {
    match failure {
        Failure::Refused(error) | Failure::Failed(error) => &error.code,
        other => panic!("not refused but {other:?}"),
    }
}

pub(super) fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}
