//! Puts tokens on each request and answers two challenges, each once: that the subscription belongs to another tenant, and
//! that a token must prove more or is too old. It never stores or shows a token.

use async_trait::async_trait;
use tracing::debug;

use crate::arm::http::{HeaderValue, Response};
use crate::arm::{Failure, Scope};
use crate::azure::credential::{Claims, Held, Tenant, Tenants, TokenError, tenant_of_challenge};
use crate::azure::decode;
use crate::azure::pipeline::{Exchange, Next, Policy};
use crate::secret::Secret;

/// Codes by which ARM says that a token is too old (its clock may be ahead of ours).
const EXPIRED: [&str; 2] = ["ExpiredAuthenticationToken", "AuthenticationFailedTokenExpired"];

/// Carries tokens of further tenants, for what links objects across tenants (contract 2.2).
const AUXILIARY: &str = "x-ms-authorization-auxiliary";

/// The policy.
pub struct Auth {
    tenants: Tenants,
    scope: Scope,
}

impl Auth {
    /// With tokens for this scope.
    pub fn new(tenants: Tenants, scope: Scope) -> Self {
        Self { tenants, scope }
    }

    fn failed(&self, tenant: Tenant<'_>, error: &TokenError) -> Failure {
        Failure::Unauthenticated {
            audience: self.scope.clone(),
            reason: match tenant.id {
                Some(id) => format!("in the further tenant {}: {error}", id.as_str()),
                None => error.to_string(),
            },
        }
    }

    async fn token(&self, tenant: Tenant<'_>) -> Result<Held, Failure> {
        let held = tenant.tokens.get(&self.scope).await;
        held.map_err(|error| self.failed(tenant, &error))
    }

    /// Signs with a token of this tenant, and adds those of the others.
    async fn sign(&self, exchange: &mut Exchange, tenant: Tenant<'_>) -> Result<Held, Failure> {
        let token = self.token(tenant).await?;
        let header = HeaderValue::Secret(token.header.clone());
        exchange.request.set_header("authorization", header);
        let mut others = Vec::new();
        for other in self.tenants.others(tenant) {
            others.push(self.token(other).await?.header);
        }
        if !others.is_empty() {
            let all: Vec<&str> = others.iter().map(Secret::expose).collect();
            let header = HeaderValue::Secret(Secret::new(all.join(", ")));
            exchange.request.set_header(AUXILIARY, header);
        }
        Ok(token)
    }
}

#[async_trait]
impl Policy for Auth {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let subscription = subscription(&exchange.request.url).map(str::to_owned);
        let mut tenant = self.tenants.of(subscription.as_deref());
        let mut token = self.sign(exchange, tenant).await?;
        let mut response = next.send(exchange).await?;
        if response.status == 401
            && let Some(subscription) = &subscription
            && let Some(named) = response.header("www-authenticate").and_then(tenant_of_challenge)
        {
            self.tenants.learn(subscription, named);
            // Another call may have learnt it meanwhile: what counts is whose token this one was sent with.
            let home = self.tenants.of(Some(subscription));
            if !home.is(tenant) {
                debug!(
                    subscription,
                    tenant = named,
                    "the subscription belongs to another tenant"
                );
                tenant = home;
                token = self.sign(exchange, tenant).await?;
                response = next.send(exchange).await?;
            }
        }
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
        let renewed = tenant.tokens.renew(&self.scope, &token, claims.as_ref()).await;
        let renewed = renewed.map_err(|error| self.failed(tenant, &error))?;
        let header = HeaderValue::Secret(renewed.header.clone());
        exchange.request.set_header("authorization", header);
        next.send(exchange).await
    }
}

/// The subscription that a request is for.
fn subscription(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("/subscriptions/")?;
    rest.split(['/', '?']).next().filter(|id| !id.is_empty())
}
