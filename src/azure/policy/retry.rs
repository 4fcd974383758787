//! Repeats what failed in a way that passes, where repeating is safe (contract 2.7). Every wait is bounded and goes through
//! the clock; it never decides what an error means, that is `Failure::retry`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::trace::sent_again;
use super::wait::{self, THROTTLED};
use crate::arm::error::Delivery;
use crate::arm::http::Response;
use crate::arm::{Conflict, Failure, Retry};
use crate::azure::decode;
use crate::azure::meter::Meter;
use crate::azure::pipeline::{Exchange, Next, Policy, Repeat};
use crate::clock::Clock;

/// Sends in all, not counting short waits that the service asked for. With the pauses below this bridges five minutes.
const ATTEMPTS: u32 = 10;

/// Sends while the service was never reached: then it is rather the address or the network that is wrong, and somebody waits
/// to hear of it.
const FIRST_CONTACT: u32 = 4;

/// The pause after the first failure, and after each further one twice the last, up to the longest: those of the reference
/// client.
const FAILED: Backoff = Backoff {
    first: Duration::from_millis(800),
    longest: Duration::from_secs(120),
};

/// The pauses between looks at a conflict. A server refuses for about a second after it was created, and a neighbour in the
/// network is changed in seconds.
const CONFLICT: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
};

/// Waits up to this length, asked for by a throttling service, do not count as attempts.
const SHORT: Duration = Duration::from_secs(60);

/// Pauses that double.
struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Where the randomness of pauses comes from, so that a fleet of callers does not come back in one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Up to a quarter longer.
    Random,
    /// None: pauses are exact.
    None,
}

/// The policy.
pub struct Retries {
    jitter: Jitter,
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
    reached: AtomicBool,
}

/// Why a call is to be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It broke on the way or in the service.
    Broken,
    /// The quota is used up.
    Throttled,
    /// Something else is being done to the object.
    Conflict(Conflict),
}

/// What the outcome of one attempt calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    cause: Cause,
    /// How long the service asked to wait.
    asked: Option<Duration>,
    /// Whether it is certain that the request changed nothing.
    certainly: Effect,
}

/// What is known of the effect of a request that brought no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It had none.
    Absent,
    /// It may have had one.
    Open,
}

/// What has been spent on a call so far.
#[derive(Default)]
struct Spent {
    attempts: u32,
    conflicts: u32,
    conflict_since: Option<Timestamp>,
    throttled: Duration,
}

impl Backoff {
    fn after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

impl Jitter {
    fn stretch(self, pause: Duration) -> Duration {
        match self {
            Self::None => pause,
            Self::Random => {
                // The low 32 bits of a version 4 UUID are random.
                let random = u32::try_from(Uuid::new_v4().as_u128() & u128::from(u32::MAX)).unwrap_or_default();
                pause.mul_f64(1.0 + 0.25 * f64::from(random) / f64::from(u32::MAX))
            }
        }
    }
}

impl Cause {
    fn word(self) -> &'static str {
        match self {
            Self::Broken => "it broke",
            Self::Throttled => "throttled",
            Self::Conflict(Conflict::Spreading) => "conflict: something new is not known everywhere yet",
            Self::Conflict(Conflict::Neighbour) => "conflict: a neighbour is being changed",
            Self::Conflict(Conflict::Server) => "conflict: the server is being changed",
        }
    }
}

impl Retries {
    /// With these pauses.
    pub fn new(jitter: Jitter, clock: Arc<dyn Clock>, meter: Arc<Meter>) -> Self {
        Self {
            jitter,
            clock,
            meter,
            reached: AtomicBool::new(false),
        }
    }

    fn judge(&self, outcome: &Result<Response, Failure>) -> Option<Verdict> {
        match outcome {
            Ok(response) => {
                self.reached.store(true, Ordering::Relaxed);
                self.judge_answer(response)
            }
            Err(Failure::Unreachable(error)) => Some(Verdict {
                cause: Cause::Broken,
                asked: None,
                certainly: match error.delivered {
                    Delivery::NotSent => Effect::Absent,
                    Delivery::Unknown => Effect::Open,
                },
            }),
            Err(
                Failure::Refused(_)
                | Failure::Failed(_)
                | Failure::Throttled { .. }
                | Failure::Unauthenticated { .. }
                | Failure::Garbled(_)
                | Failure::Unaddressable { .. }
                | Failure::TimedOut { .. },
            ) => None,
        }
    }

    fn judge_answer(&self, response: &Response) -> Option<Verdict> {
        let status = response.status;
        if status < 400 {
            return decode::is_cut_short(response).then_some(Verdict {
                cause: Cause::Broken,
                asked: None,
                certainly: Effect::Open,
            });
        }
        let error = decode::refusal(response, self.clock.now());
        let cause = match (error.conflict(), error.retry()) {
            (Some(conflict), _) => Cause::Conflict(conflict),
            (None, Retry::Same | Retry::After(_) | Retry::AfterConflict) if status == 429 => Cause::Throttled,
            (None, Retry::Same | Retry::After(_) | Retry::AfterConflict) => Cause::Broken,
            (None, Retry::Never) => return None,
        };
        Some(Verdict {
            cause,
            asked: error.retry_after,
            certainly: match error.changed_nothing() {
                true => Effect::Absent,
                false => Effect::Open,
            },
        })
    }

    /// How long to wait before the next attempt; `None` when it was the last.
    fn pause(&self, verdict: Verdict, spent: &mut Spent) -> Option<Duration> {
        match verdict.cause {
            Cause::Broken => self.after_failure(verdict.asked, spent),
            Cause::Throttled => self.after_throttling(verdict.asked, spent),
            Cause::Conflict(conflict) => self.after_conflict(conflict, verdict.asked, spent),
        }
    }

    fn after_failure(&self, asked: Option<Duration>, spent: &mut Spent) -> Option<Duration> {
        spent.attempts += 1;
        let reached = self.reached.load(Ordering::Relaxed);
        let attempts = if reached { ATTEMPTS } else { FIRST_CONTACT };
        if spent.attempts >= attempts || asked > Some(THROTTLED) {
            return None;
        }
        Some(self.jitter.stretch(asked.unwrap_or(FAILED.after(spent.attempts))))
    }

    fn after_throttling(&self, asked: Option<Duration>, spent: &mut Spent) -> Option<Duration> {
        if asked.is_none_or(|asked| asked > SHORT) {
            spent.attempts += 1;
        }
        let pause = asked.unwrap_or(FAILED.after(spent.attempts));
        spent.throttled += pause;
        if spent.attempts >= ATTEMPTS || spent.throttled > THROTTLED {
            return None;
        }
        Some(self.jitter.stretch(pause))
    }

    fn after_conflict(&self, conflict: Conflict, asked: Option<Duration>, spent: &mut Spent) -> Option<Duration> {
        let now = self.clock.now();
        let since = *spent.conflict_since.get_or_insert(now);
        spent.conflicts += 1;
        let pause = CONFLICT.after(spent.conflicts).max(asked.unwrap_or_default());
        let pause = self.jitter.stretch(pause);
        let lasted = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
        (lasted + pause <= conflict.patience()).then_some(pause)
    }
}

#[async_trait]
impl Policy for Retries {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        self.meter.first(exchange.purpose);
        let mut spent = Spent::default();
        let mut again = 0;
        loop {
            let outcome = next.send(exchange).await;
            let Some(verdict) = self.judge(&outcome) else {
                return outcome;
            };
            match (exchange.repeat, verdict.certainly, verdict.cause) {
                (Repeat::UnlessConflict | Repeat::Promptly, _, Cause::Conflict(_))
                | (Repeat::IfNotApplied | Repeat::Promptly, Effect::Open, _) => return outcome,
                (Repeat::Freely | Repeat::UnlessConflict, _, _)
                | (Repeat::IfNotApplied | Repeat::Promptly, Effect::Absent, _) => {}
            }
            let pause = self.pause(verdict, &mut spent);
            let in_time = |pause: &Duration| exchange.repeat != Repeat::Promptly || *pause <= wait::longest(exchange);
            match (pause.filter(in_time), verdict.cause) {
                (Some(pause), _) => {
                    wait::announce(exchange, verdict.cause.word(), pause);
                    self.clock.sleep(pause).await;
                    exchange.waited += pause;
                    self.meter.again();
                    again += 1;
                    sent_again(again);
                }
                (None, Cause::Throttled) => {
                    return Err(Failure::Throttled {
                        retry_after: verdict.asked.unwrap_or(FAILED.longest),
                    });
                }
                (None, Cause::Broken | Cause::Conflict(_)) => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_never_shortens_a_pause_and_stretches_it_by_a_quarter_at_most() {
        let pause = Duration::from_secs(100);
        let stretched: Vec<Duration> = (0..200).map(|_| Jitter::Random.stretch(pause)).collect();
        assert!(
            stretched
                .iter()
                .all(|stretched| (pause..=pause.mul_f64(1.25)).contains(stretched))
        );
        assert!(stretched.iter().any(|other| *other != stretched[0]));
        assert_eq!(Jitter::None.stretch(pause), pause);
    }
}
