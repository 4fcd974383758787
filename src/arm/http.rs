//! HTTP requests and responses as plain values, and the port that carries them. No socket here.

use std::time::Duration;

use async_trait::async_trait;

use super::error::TransportError;
use super::operation::Verb;
use crate::secret::Secret;

/// A request on its way through the pipeline.
#[derive(Clone, Debug)]
pub struct Request {
    /// The verb.
    pub verb: Verb,
    /// Scheme, host, path and query.
    pub url: String,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, HeaderValue)>,
    /// The JSON text, if any. It may hold secrets: `Debug` does not show it.
    pub body: Option<Secret>,
}

/// A header value, hidden where it is a secret.
#[derive(Clone, Debug)]
pub enum HeaderValue {
    /// May be logged.
    Plain(String),
    /// A token.
    Secret(Secret),
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Header names in lower case with their values.
    pub headers: Vec<(String, String)>,
    /// The body as received.
    pub body: Vec<u8>,
}

/// Carries one request to one server. Implementations neither retry nor follow redirects.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends and waits for the whole answer.
    ///
    /// # Errors
    /// When there is no complete answer.
    async fn send(&self, request: &Request) -> Result<Response, TransportError>;
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// How long the service asks to wait: `retry-after-ms`, `x-ms-retry-after-ms`, then `retry-after` in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let number = |name: &str| self.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        number("retry-after-ms")
            .or_else(|| number("x-ms-retry-after-ms"))
            .map(Duration::from_millis)
            .or_else(|| number("retry-after").map(Duration::from_secs))
    }
}
