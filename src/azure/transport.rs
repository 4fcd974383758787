//! Carries requests over HTTP with reqwest. It neither retries nor follows redirects, and shows no address in an error,
//! because links of ARM carry signatures.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{HeaderName, HeaderValue as WireValue};
use reqwest::{Client, Method, Url};

use super::clock::{SIMULATOR_TIME, SimulatedTime};
use crate::arm::TransportError;
use crate::arm::error::Delivery;
use crate::arm::http::{HeaderValue, Request, Response, Transport};
use crate::arm::operation::Verb;

/// A connection that is not there after this long will not come.
const CONNECT: Duration = Duration::from_secs(15);

/// ARM answers within a minute; a connection that is silent for longer is dead.
const SILENT: Duration = Duration::from_secs(90);

/// Enough for every call that the governor lets out at once.
const IDLE: usize = 64;

/// How the network is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through the proxy that the environment names, if any.
    Proxied,
    /// Directly: loopback, and metadata services that a proxy cannot reach.
    Direct,
}

/// The transport.
pub struct HttpTransport {
    http: Client,
    time: Option<Arc<SimulatedTime>>,
}

/// Builds an HTTP client. Certificates are those of the platform and of `SSL_CERT_FILE`.
///
/// # Errors
/// When the platform's TLS cannot be set up.
pub fn client(route: Route, silent: Option<Duration>) -> Result<Client, reqwest::Error> {
    let mut builder = Client::builder()
        .user_agent(concat!("pgferry/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(IDLE)
        .tcp_nodelay(true);
    if let Some(silent) = silent {
        builder = builder.read_timeout(silent);
    }
    match route {
        Route::Proxied => {}
        Route::Direct => builder = builder.no_proxy(),
    }
    builder.build()
}

impl HttpTransport {
    /// A transport for a cloud.
    ///
    /// # Errors
    /// When the platform's TLS cannot be set up.
    pub fn new(route: Route) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client(route, Some(SILENT))?,
            time: None,
        })
    }

    /// A transport for requests that are answered when it is time, on this machine: it waits without end.
    ///
    /// # Errors
    /// When the platform's TLS cannot be set up.
    pub fn sleeping() -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client(Route::Direct, None)?,
            time: None,
        })
    }

    /// Tells the simulator's time to whoever keeps it.
    #[must_use]
    pub fn telling(mut self, time: Arc<SimulatedTime>) -> Self {
        self.time = Some(time);
        self
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.http.execute(wire(request)?).await.map_err(failed)?;
        let status = answer.status().as_u16();
        let headers: Vec<(String, String)> = answer
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        if let Some(time) = &self.time
            && let Some((_, told)) = headers.iter().find(|(name, _)| name == SIMULATOR_TIME)
        {
            time.observe(told);
        }
        let body = answer.bytes().await.map_err(cut_short)?;
        Ok(Response {
            status,
            headers,
            body: body.into(),
        })
    }
}

fn wire(request: &Request) -> Result<reqwest::Request, TransportError> {
    let malformed = |what: &str| TransportError {
        message: format!("the {what} of the request cannot be written"),
        delivered: Delivery::NotSent,
    };
    let method = match request.verb {
        Verb::Get => Method::GET,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
        Verb::Post(_) => Method::POST,
    };
    let url = Url::parse(&request.url).map_err(|_| malformed("address"))?;
    let mut wire = reqwest::Request::new(method, url);
    for (name, value) in &request.headers {
        let (text, hidden) = match value {
            HeaderValue::Plain(text) => (text.as_str(), false),
            HeaderValue::Secret(secret) => (secret.expose(), true),
        };
        let mut value = WireValue::from_str(text).map_err(|_| malformed(name))?;
        value.set_sensitive(hidden);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed(name))?;
        wire.headers_mut().insert(name, value);
    }
    if let Some(body) = &request.body {
        *wire.body_mut() = Some(body.expose().to_owned().into());
    }
    Ok(wire)
}

fn failed(error: reqwest::Error) -> TransportError {
    let delivered = if error.is_connect() || error.is_builder() {
        Delivery::NotSent
    } else {
        Delivery::Unknown
    };
    TransportError {
        message: chain(error),
        delivered,
    }
}

fn cut_short(error: reqwest::Error) -> TransportError {
    TransportError {
        message: chain(error),
        delivered: Delivery::Unknown,
    }
}

/// An error with its causes in one line, without the address, each said once.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = inner.source();
    }
    line
}
