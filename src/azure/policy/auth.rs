//! Puts a token on each request and answers a claims challenge, once. It never stores or shows a token.

use std::sync::Arc;

use async_trait::async_trait;
use tracing::debug;

use crate::arm::http::{HeaderValue, Response};
use crate::arm::{Failure, Scope};
use crate::azure::credential::{Claims, TokenError, Tokens};
use crate::azure::decode;
use crate::azure::pipeline::{Exchange, Next, Policy};

/// Codes by which ARM says that a token is too old (its clock may be ahead of ours).
const EXPIRED: [&str; 2] = ["ExpiredAuthenticationToken", "AuthenticationFailedTokenExpired"];

/// The policy.
pub struct Auth {
    tokens: Arc<Tokens>,
    scope: Scope,
}

impl Auth {
    /// With tokens for this scope.
    pub fn new(tokens: Arc<Tokens>, scope: Scope) -> Self {
        Self { tokens, scope }
    }

    fn failed(&self, error: &TokenError) -> Failure {
        Failure::Unauthenticated {
            audience: self.scope.clone(),
            reason: error.to_string(),
        }
    }
}

#[async_trait]
impl Policy for Auth {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let token = self
            .tokens
            .get(&self.scope)
            .await
            .map_err(|error| self.failed(&error))?;
        let header = HeaderValue::Secret(token.header.clone());
        exchange.request.set_header("authorization", header);
        let response = next.send(exchange).await?;
        if response.status != 401 {
            return Ok(response);
        }
        let claims = response.header("www-authenticate").and_then(Claims::of_challenge);
        if claims.is_none() && !decode::service_error(&response).any_code(&EXPIRED) {
            return Ok(response);
        }
        debug!(
            challenged = claims.is_some(),
            "the token was refused; a new one is fetched, once"
        );
        let renewed = self.tokens.renew(&self.scope, &token, claims.as_ref()).await;
        let renewed = renewed.map_err(|error| self.failed(&error))?;
        let header = HeaderValue::Secret(renewed.header.clone());
        exchange.request.set_header("authorization", header);
        next.send(exchange).await
    }
}
