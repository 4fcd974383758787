//! HTTP requests and responses as plain values, and the port that carries them. No socket here.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

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
    pub headers: Vec<(&'static str, HeaderValue)>,
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

fn until(date: &str, now: Timestamp) -> Option<Duration> {
    let then = DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

impl Request {
    /// Sets a header, replacing an earlier value.
    pub fn set_header(&mut self, name: &'static str, value: HeaderValue) {
        match self.headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, present)) => *present = value,
            None => self.headers.push((name, value)),
        }
    }
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// How long the service asks to wait: `retry-after` (seconds, or an HTTP date seen from `now`), else
    /// `retry-after-ms`, else `x-ms-retry-after-ms`. A date that has passed asks for no wait at all, and none is longer than
    /// a week, the life of a migration.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
        let number = |name: &str| self.header(name).and_then(|value| value.trim().parse::<u64>().ok());
        number("retry-after")
            .map(Duration::from_secs)
            .or_else(|| self.header("retry-after").and_then(|value| until(value.trim(), now)))
            .or_else(|| number("retry-after-ms").map(Duration::from_millis))
            .or_else(|| number("x-ms-retry-after-ms").map(Duration::from_millis))
            .map(|asked| asked.min(WEEK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let response = Response {
            status: 429,
            headers,
            body: Vec::new(),
        };
        response.retry_after("2026-11-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_wait_is_asked_in_seconds_as_a_date_or_in_milliseconds() {
        assert_eq!(
            asked(&[("retry-after", "17"), ("retry-after-ms", "5")]),
            Some(Duration::from_secs(17))
        );
        assert_eq!(
            asked(&[("Retry-After", "Sun, 01 Nov 2026 12:01:30 GMT")]),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            asked(&[("retry-after", "Sun, 01 Nov 2026 11:00:00 GMT")]),
            Some(Duration::ZERO)
        );
        assert_eq!(
            asked(&[("x-ms-retry-after-ms", "250")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(
            asked(&[("retry-after", &u64::MAX.to_string())]),
            Some(Duration::from_secs(604_800))
        );
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[]), None);
    }
}
