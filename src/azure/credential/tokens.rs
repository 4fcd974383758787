//! Keeps tokens and renews them before they end, by the injected clock. It never asks twice for what it still has.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::{debug, warn};

use super::{Claims, Credentials, TokenError};
use crate::arm::Scope;
use crate::clock::Clock;
use crate::secret::Secret;

/// A token is renewed this long before it ends, or when a fifth of its life is left, whichever comes later.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// After a renewal that failed while the old token still holds, the next is tried no sooner than this.
const BETWEEN_FAILURES: SignedDuration = SignedDuration::from_secs(30);

/// A token in use.
#[derive(Clone, Debug)]
pub struct Held {
    /// The value of the `Authorization` header.
    pub header: Secret,
    expires: Timestamp,
    renew_from: Timestamp,
    generation: u64,
}

/// The tokens of a run, one per scope.
pub struct Tokens {
    credentials: Arc<Credentials>,
    clock: Arc<dyn Clock>,
    held: RwLock<HashMap<&'static str, Held>>,
    renewing: Mutex<u64>,
}

impl Tokens {
    /// Nothing is held yet.
    pub fn new(credentials: Arc<Credentials>, clock: Arc<dyn Clock>) -> Self {
        Self {
            credentials,
            clock,
            held: RwLock::default(),
            renewing: Mutex::new(0),
        }
    }

    /// Which credential they come from.
    pub fn credentials(&self) -> &Arc<Credentials> {
        &self.credentials
    }

    /// A token that holds for a while yet.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, scope: &Scope) -> Result<Held, TokenError> {
        if let Some(held) = self.look(scope)
            && self.clock.now() < held.renew_from
        {
            return Ok(held);
        }
        let mut generation = self.renewing.lock().await;
        let old = self.look(scope);
        if let Some(held) = &old
            && self.clock.now() < held.renew_from
        {
            return Ok(held.clone());
        }
        match (self.fetch(scope, None, &mut generation).await, old) {
            (Ok(held), _) => Ok(held),
            (Err(error), Some(old)) if self.clock.now() < old.expires => {
                warn!(%error, "the token could not be renewed; the present one is used while it holds");
                let later = self.clock.now().checked_add(BETWEEN_FAILURES);
                let renew_from = later.unwrap_or(old.expires).min(old.expires);
                self.keep(
                    scope,
                    Held {
                        renew_from,
                        ..old.clone()
                    },
                );
                Ok(old)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// A token newer than the one that was refused, fetched once however many calls were refused together.
    ///
    /// # Errors
    /// When there is none.
    pub async fn renew(&self, scope: &Scope, refused: &Held, claims: Option<&Claims>) -> Result<Held, TokenError> {
        let mut generation = self.renewing.lock().await;
        match self.look(scope) {
            Some(held) if held.generation > refused.generation => Ok(held),
            Some(_) | None => self.fetch(scope, claims, &mut generation).await,
        }
    }

    async fn fetch(&self, scope: &Scope, claims: Option<&Claims>, generation: &mut u64) -> Result<Held, TokenError> {
        let token = self.credentials.fetch(scope, claims).await?;
        *generation += 1;
        let now = self.clock.now();
        let held = Held {
            header: Secret::new(format!("Bearer {}", token.secret.expose())),
            expires: token.expires,
            renew_from: renew_from(now, token.expires),
            generation: *generation,
        };
        let seconds = Duration::try_from(token.expires.duration_since(now))
            .unwrap_or_default()
            .as_secs();
        debug!(audience = scope.0, seconds, "a token was fetched");
        self.keep(scope, held.clone());
        Ok(held)
    }

    fn look(&self, scope: &Scope) -> Option<Held> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(scope.0).cloned()
    }

    fn keep(&self, scope: &Scope, token: Held) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.insert(scope.0, token);
    }
}

fn renew_from(now: Timestamp, expires: Timestamp) -> Timestamp {
    let life = expires.duration_since(now);
    let margin = MARGIN.min(life / 5).max(SignedDuration::ZERO);
    expires.checked_sub(margin).unwrap_or(now)
}
