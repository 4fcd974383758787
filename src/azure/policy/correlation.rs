//! Names each call, so that a support case finds it. It repeats nothing and reads no answer.

use async_trait::async_trait;
use uuid::Uuid;

use crate::arm::http::{HeaderValue, Response};
use crate::arm::{CorrelationId, Failure};
use crate::azure::pipeline::{Exchange, Next, Policy};

/// Sets `x-ms-client-request-id` anew for each call and `x-ms-correlation-request-id` to that of the run.
pub struct Correlation {
    run: CorrelationId,
}

impl Correlation {
    /// For the calls of one run.
    pub fn new(run: CorrelationId) -> Self {
        Self { run }
    }
}

#[async_trait]
impl Policy for Correlation {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let request = &mut exchange.request;
        let call = Uuid::new_v4().to_string();
        request.set_header("x-ms-client-request-id", HeaderValue::Plain(call));
        request.set_header("x-ms-correlation-request-id", HeaderValue::Plain(self.run.to_string()));
        request.set_header("x-ms-return-client-request-id", HeaderValue::Plain("true".into()));
        next.send(exchange).await
    }
}
