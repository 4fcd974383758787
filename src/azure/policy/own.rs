//! Takes no answer for its own that was given to another call. A connection on which an answer came twice, or came too late,
//! may hand each call the answer of the one before. It repeats nothing.

use async_trait::async_trait;

use crate::arm::error::Delivery;
use crate::arm::http::{HeaderValue, Response};
use crate::arm::{Failure, TransportError};
use crate::azure::pipeline::{Exchange, Next, Policy};

/// What a call is named by.
const CALL: &str = "x-ms-client-request-id";

/// Where a service repeats the name of the call that it answers, it has to be the one that was sent. Not every service does.
pub struct Own;

#[async_trait]
impl Policy for Own {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let sent = exchange.request.headers.iter().find_map(|(name, value)| match value {
            HeaderValue::Plain(id) if *name == CALL => Some(id.clone()),
            HeaderValue::Plain(_) | HeaderValue::Secret(_) => None,
        });
        let response = next.send(exchange).await?;
        match (sent, response.header(CALL)) {
            (Some(sent), Some(answered)) if !sent.eq_ignore_ascii_case(answered) => {
                Err(Failure::Unreachable(TransportError {
                    message: format!(
                        "the answer is one to another call (`{CALL}`): a proxy on the way gives answers twice, or rewrites that header"
                    ),
                    delivered: Delivery::Unknown,
                }))
            }
            (_, _) => Ok(response),
        }
    }
}
