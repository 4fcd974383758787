//! Writes each exchange to the trace: what is on the allow lists in the clear, all else hidden, bodies never.

use std::time::Instant;

use async_trait::async_trait;
use tracing::{Level, debug, enabled, trace};

use crate::arm::Failure;
use crate::arm::http::{HeaderValue, Response};
use crate::azure::decode;
use crate::azure::pipeline::{Exchange, Next, Policy};

/// Query keys whose values are shown. Links of ARM carry signatures and certificates under others (`t`, `c`, `s`, `h`).
const SHOWN_KEYS: [&str; 6] = [
    "api-version",
    "migrationListFilter",
    "$top",
    "$expand",
    "$filter",
    "syncRemoteAddressSpace",
];

/// Request headers whose values are shown.
const SHOWN_SENT: [&str; 5] = [
    "accept",
    "content-type",
    "x-ms-client-request-id",
    "x-ms-correlation-request-id",
    "x-ms-return-client-request-id",
];

/// Answer headers whose values are shown.
const SHOWN_RECEIVED: [&str; 12] = [
    "content-type",
    "content-length",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-ms-arm-service-request-id",
    "x-ms-operation-identifier",
    "x-pgferry-simulator-time",
];

const HIDDEN: &str = "REDACTED";

/// The log.
pub struct Log;

#[async_trait]
impl Policy for Log {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        if !enabled!(Level::DEBUG) {
            return next.send(exchange).await;
        }
        let method = exchange.request.verb.method();
        let address = shown_address(&exchange.request.url);
        if enabled!(Level::TRACE) {
            let headers = shown_request_headers(exchange);
            let bytes = exchange.request.body.as_ref().map_or(0, |body| body.expose().len());
            trace!(method, address, headers, body_bytes = bytes, "request");
        }
        let started = Instant::now();
        let outcome = next.send(exchange).await;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        match &outcome {
            Ok(response) => {
                let request_id = decode::request_id(response).unwrap_or_default();
                let status = response.status;
                debug!(method, address, status, milliseconds, request_id, "answer");
                if enabled!(Level::TRACE) {
                    let headers = shown_answer_headers(response);
                    trace!(
                        method,
                        address,
                        headers,
                        body_bytes = response.body.len(),
                        "answer in full"
                    );
                }
            }
            Err(failure) => debug!(method, address, milliseconds, %failure, "no answer"),
        }
        outcome
    }
}

/// Path and query, with the values of all keys hidden that are not known to be harmless.
pub(super) fn shown_address(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path_and_query = after_scheme
        .find('/')
        .and_then(|at| after_scheme.get(at..))
        .unwrap_or("/");
    let Some((path, query)) = path_and_query.split_once('?') else {
        return path_and_query.to_owned();
    };
    let pairs = query.split('&').map(|pair| {
        let Some((key, _)) = pair.split_once('=') else {
            return HIDDEN.to_owned();
        };
        let shown = SHOWN_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
        if shown {
            pair.to_owned()
        } else {
            format!("{key}={HIDDEN}")
        }
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn shown_request_headers(exchange: &Exchange) -> String {
    let shown = exchange.request.headers.iter().map(|(name, value)| match value {
        HeaderValue::Plain(text) if SHOWN_SENT.contains(name) => format!("{name}: {text}"),
        HeaderValue::Plain(_) | HeaderValue::Secret(_) => format!("{name}: {HIDDEN}"),
    });
    shown.collect::<Vec<_>>().join("; ")
}

fn shown_answer_headers(response: &Response) -> String {
    let shown = response.headers.iter().map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        let quota = name.starts_with("x-ms-ratelimit-");
        if quota || SHOWN_RECEIVED.contains(&name.as_str()) {
            format!("{name}: {value}")
        } else {
            format!("{name}: {HIDDEN}")
        }
    });
    shown.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_only_harmless_values() {
        insta::assert_snapshot!(
            shown_address("https://management.azure.com/subscriptions/s/x?api-version=2024-07-01&t=1&c=MIIH&s=sig&h=hash&$skiptoken=u"),
            @"/subscriptions/s/x?api-version=2024-07-01&t=REDACTED&c=REDACTED&s=REDACTED&h=REDACTED&$skiptoken=REDACTED"
        );
        assert_eq!(shown_address("http://127.0.0.1:9/a"), "/a");
        assert_eq!(shown_address("http://127.0.0.1:9"), "/");
        assert_eq!(shown_address("http://h/a?secret"), "/a?REDACTED");
    }
}
