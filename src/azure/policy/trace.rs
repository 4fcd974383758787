//! Makes each call a span of the trace: which call of what, its ids, how often it was sent and how long it waited. Bodies and
//! the words of errors stay out of it: they may repeat what was supplied.

use async_trait::async_trait;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::log::shown_address;
use crate::arm::http::{HeaderValue, Request, Response};
use crate::arm::{Failure, Verb};
use crate::azure::decode;
use crate::azure::pipeline::{Exchange, Next, Policy};

/// The trace. It names what [`super::correlation`] has set, and sees a call with all its repetitions as one.
pub struct Trace;

#[async_trait]
impl Policy for Trace {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let span = span_of(&exchange.request);
        if span.is_disabled() {
            return next.send(exchange).await;
        }
        let outcome = next.send(exchange).instrument(span.clone()).await;
        if !exchange.waited.is_zero() {
            span.record("pgferry.waited_seconds", exchange.waited.as_secs_f64());
        }
        match &outcome {
            Ok(response) => {
                span.record("http.response.status_code", i64::from(response.status));
                if let Some(id) = decode::request_id(response) {
                    span.record("azure.service.request.id", id.as_str());
                }
                // That something is not there is an answer to a look.
                let is_answer = response.status == 404 && exchange.request.verb == Verb::Get;
                if response.status >= 400 && !is_answer {
                    failed(&span, &response.status.to_string());
                }
            }
            Err(failure) => failed(&span, failure.kind()),
        }
        outcome
    }
}

/// Says in the span of the call that is under way how often it was sent again.
pub(super) fn sent_again(times: u32) {
    Span::current().record("http.request.resend_count", times);
}

fn span_of(request: &Request) -> Span {
    info_span!(
        "call",
        otel.name = name(request),
        otel.kind = "client",
        otel.status_code = Empty,
        error.type = Empty,
        http.request.method = request.verb.method(),
        http.request.resend_count = Empty,
        http.response.status_code = Empty,
        url.path = path(&shown_address(&request.url)),
        url.query = query(&shown_address(&request.url)),
        azure.client.request.id = header(request, "x-ms-client-request-id"),
        azure.correlation.request.id = header(request, "x-ms-correlation-request-id"),
        azure.service.request.id = Empty,
        pgferry.waited_seconds = Empty,
    )
}

fn failed(span: &Span, how: &str) {
    span.record("error.type", how);
    span.record("otel.status_code", "ERROR");
}

fn path(address: &str) -> &str {
    address.split_once('?').map_or(address, |(path, _)| path)
}

fn query(address: &str) -> Option<&str> {
    address.split_once('?').map(|(_, query)| query)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(other, _)| *other == name);
    match found {
        Some((_, HeaderValue::Plain(text))) => Some(text),
        Some((_, HeaderValue::Secret(_))) | None => None,
    }
}

/// The method and the ARM type, so that calls of one sort have one name.
fn name(request: &Request) -> String {
    let address = shown_address(&request.url);
    let kind = path(&address).rsplit_once("/providers/").map(|(_, tail)| {
        let segments = tail.split('/').enumerate();
        let kinds = segments.filter(|(at, _)| *at == 0 || at % 2 == 1);
        kinds.map(|(_, segment)| segment).collect::<Vec<_>>().join("/")
    });
    match kind {
        Some(kind) => format!("{} {kind}", request.verb.method()),
        None => request.verb.method().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_sort_have_one_name() {
        let called = |verb, rest: &str| {
            name(&Request {
                verb,
                url: format!("https://management.azure.com/subscriptions/s{rest}"),
                headers: Vec::new(),
                body: None,
            })
        };
        let server = "/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg";
        assert_eq!(called(Verb::Get, "?api-version=1"), "GET");
        assert_eq!(
            called(Verb::Put, &format!("{server}/migrations/m?api-version=1")),
            "PUT Microsoft.DBforPostgreSQL/flexibleServers/migrations"
        );
        assert_eq!(
            called(Verb::Get, &format!("{server}/migrations?api-version=1")),
            "GET Microsoft.DBforPostgreSQL/flexibleServers/migrations"
        );
    }
}
