//! The login to the simulator: a made-up application at its token endpoint, so that renewal is exercised as with Azure.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use serde::Deserialize;

use super::{Claims, CredentialKind, Token, TokenError, TokenSource, form};
use crate::arm::http::{HeaderValue, Request, Response, Transport};
use crate::arm::operation::Verb;
use crate::arm::{Failure, Retry, Scope};
use crate::azure::decode;
use crate::azure::endpoint::Endpoint;
use crate::clock::Clock;
use crate::secret::Secret;

/// The tenant, application and secret that every simulator accepts.
const TENANT: &str = "00000000-0000-0000-0000-000000000000";
const CLIENT_ID: &str = "11111111-1111-1111-1111-111111111111";
const CLIENT_SECRET: &str = "simulated";

/// The pauses after failures that may pass; the token endpoint has its share of the faults that a simulator is told to make.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// Asks the simulator's token endpoint.
pub struct SimulatorLogin {
    transport: Arc<dyn Transport>,
    address: String,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: i64,
}

impl SimulatorLogin {
    /// At the simulator of this address, for this tenant or the simulator's own.
    pub fn new(
        transport: Arc<dyn Transport>,
        endpoint: &Endpoint,
        tenant: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            transport,
            address: endpoint.at(&format!("/{}/oauth2/v2.0/token", tenant.unwrap_or(TENANT))),
            clock,
        }
    }
}

impl SimulatorLogin {
    async fn ask(&self, request: &Request) -> Result<Response, TokenError> {
        let mut pauses = PAUSES.iter();
        loop {
            let reason = match self.transport.send(request).await {
                Ok(response) if response.status == 200 => return Ok(response),
                Ok(response) => {
                    let error = decode::service_error(&response);
                    if error.retry() == Retry::Never {
                        return Err(refused(error.to_string()));
                    }
                    error.to_string()
                }
                Err(error) => error.to_string(),
            };
            match pauses.next() {
                Some(pause) => self.clock.sleep(*pause).await,
                None => return Err(refused(reason)),
            }
        }
    }
}

fn refused(reason: String) -> TokenError {
    TokenError::Refused {
        kind: CredentialKind::Simulator,
        reason,
    }
}

#[async_trait]
impl TokenSource for SimulatorLogin {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Simulator
    }

    async fn fetch(&self, scope: &Scope, claims: Option<&Claims>) -> Result<Token, TokenError> {
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", scope.0),
        ];
        pairs.extend(claims.map(|claims| ("claims", claims.as_str())));
        let request = Request {
            verb: Verb::Post("token".into()),
            url: self.address.clone(),
            headers: vec![(
                "content-type",
                HeaderValue::Plain("application/x-www-form-urlencoded".into()),
            )],
            body: Some(Secret::new(form(&pairs))),
        };
        let response = self.ask(&request).await?;
        let answer: Answer = decode::json(&response).map_err(|failure: Failure| refused(failure.to_string()))?;
        let life = SignedDuration::from_secs(answer.expires_in);
        let now = self.clock.now();
        Ok(Token {
            secret: Secret::new(answer.access_token),
            expires: now.checked_add(life).unwrap_or(now),
        })
    }
}
