//! The way of a request to the transport and of its answer back, through a fixed chain of policies.
//! It knows nothing of ARM ids and decodes no bodies.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::meter::Purpose;
use super::policy::govern::Bucket;
use crate::arm::Failure;
use crate::arm::http::{Request, Response, Transport};

/// A request with what the policies have to know about it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What is sent.
    pub request: Request,
    /// What it is for.
    pub purpose: Purpose,
    /// The quota it draws on.
    pub bucket: Bucket,
    /// When it may be sent again.
    pub repeat: Repeat,
    /// How long it has waited on its way so far, before it was sent first and between tries.
    pub waited: Duration,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Always: applied twice is the same as applied once.
    Freely,
    /// The same, but not after a conflict: where what is asked for is how another call ended, a conflict is its answer; and
    /// where an object is to be replaced or deleted, whoever was in the way may have changed it, and only the caller can look.
    UnlessConflict,
    /// Only when it is certain that it was not applied.
    IfNotApplied,
    /// The same, and neither after a conflict nor after more than a moment's wait, be it for another try or for its share of
    /// the quota: what held before the call need not hold then, and only the caller can look.
    Promptly,
}

/// One station on the way.
#[async_trait]
pub trait Policy: Send + Sync {
    /// Passes the exchange on, before, after or instead of which it does its one thing.
    ///
    /// # Errors
    /// When there is no answer. An answer that is an error is passed back as an answer.
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure>;
}

/// The rest of the way.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Policy>],
    transport: &'a dyn Transport,
}

/// The chain. In this order, from the outside in:
///
/// 1. `correlation`: names the call once, so that all its repetitions carry one id;
/// 2. `trace`: makes the call with all its repetitions one span;
/// 3. `retry`: repeats what may be repeated;
/// 4. `govern`: each repetition waits for its share of the quota and reports what is left;
/// 5. `auth`: after every wait, so that the token is fresh when it leaves;
/// 6. `own`: takes no answer that was given to another call;
/// 7. `log`: sees what really leaves and what really arrives.
pub struct Pipeline {
    policies: Vec<Arc<dyn Policy>>,
    transport: Arc<dyn Transport>,
}

impl Pipeline {
    /// A chain that ends in this transport.
    pub fn new(policies: Vec<Arc<dyn Policy>>, transport: Arc<dyn Transport>) -> Self {
        Self { policies, transport }
    }

    /// Sends.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, mut exchange: Exchange) -> Result<Response, Failure> {
        let next = Next {
            rest: &self.policies,
            transport: &*self.transport,
        };
        next.send(&mut exchange).await
    }
}

impl Next<'_> {
    /// Passes the exchange on.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(self, exchange: &mut Exchange) -> Result<Response, Failure> {
        match self.rest.split_first() {
            Some((policy, rest)) => {
                let next = Next { rest, ..self };
                policy.send(exchange, next).await
            }
            None => self
                .transport
                .send(&exchange.request)
                .await
                .map_err(Failure::Unreachable),
        }
    }
}
