//! Repeats what failed in a way that passes, where repeating is safe (contract 2.7). Every wait is bounded and goes through
//! the clock; it never decides what an error means, that is `Failure::retry`'s.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tracing::debug;
use uuid::Uuid;

use crate::arm::error::Delivery;
use crate::arm::http::Response;
use crate::arm::{Failure, Retry};
use crate::azure::decode;
use crate::azure::meter::Meter;
use crate::azure::pipeline::{Exchange, Next, Policy, Repeat};
use crate::clock::Clock;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sends in all, not counting short waits that the service asked for.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest pause between attempts.
    pub longest: Duration,
    /// The pause after the first conflict; it doubles too.
    pub conflict_first: Duration,
    /// The longest pause between looks at a conflict.
    pub conflict_longest: Duration,
    /// How long a conflict may last. Creating a server takes up to ten minutes, moving its network twenty.
    pub conflict_patience: Duration,
    /// How long a throttled call may wait in all.
    pub throttle_patience: Duration,
    /// Waits up to this length, asked for by a throttling service, do not count as attempts.
    pub short: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 10,
            first: Duration::from_millis(800),
            longest: Duration::from_secs(120),
            conflict_first: Duration::from_secs(1),
            conflict_longest: Duration::from_secs(30),
            conflict_patience: Duration::from_secs(30 * 60),
            throttle_patience: Duration::from_secs(15 * 60),
            short: Duration::from_secs(60),
        }
    }
}

/// Where the randomness of pauses comes from, so that a fleet of callers does not come back in one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Up to a quarter longer.
    Random,
    /// None: pauses are exact.
    None,
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

/// The policy.
pub struct Retries {
    limits: Limits,
    jitter: Jitter,
    clock: Arc<dyn Clock>,
    meter: Arc<Meter>,
}

/// Why a call is to be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It broke on the way or in the service.
    Broken,
    /// The quota is used up.
    Throttled,
    /// Something else is being done to the object.
    Conflict,
}

/// What the outcome of one attempt calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    cause: Cause,
    asked: Option<Duration>,
    /// Whether it is certain that the request changed nothing.
    unapplied: bool,
}

/// What has been spent on a call so far.
struct Spent {
    attempts: u32,
    conflicts: u32,
    conflict_since: Option<Timestamp>,
    throttled: Duration,
}

/// What to do next.
enum Step {
    Wait(Duration),
    GiveUp,
}

impl Retries {
    /// With these limits.
    pub fn new(limits: Limits, jitter: Jitter, clock: Arc<dyn Clock>, meter: Arc<Meter>) -> Self {
        Self {
            limits,
            jitter,
            clock,
            meter,
        }
    }

    fn judge(&self, outcome: &Result<Response, Failure>) -> Option<Verdict> {
        match outcome {
            Ok(response) if response.status < 400 => None,
            Ok(response) => self.judge_answer(response),
            Err(Failure::Unreachable(error)) => Some(Verdict {
                cause: Cause::Broken,
                asked: None,
                unapplied: error.delivered == Delivery::NotSent,
            }),
            Err(
                Failure::Refused(_)
                | Failure::Throttled { .. }
                | Failure::Unauthenticated { .. }
                | Failure::Garbled(_)
                | Failure::Unaddressable { .. }
                | Failure::TimedOut { .. },
            ) => None,
        }
    }

    fn judge_answer(&self, response: &Response) -> Option<Verdict> {
        let asked = response.retry_after(self.clock.now());
        let status = response.status;
        let cause = match decode::service_error(response).retry() {
            Retry::AfterConflict => Cause::Conflict,
            Retry::Same | Retry::After(_) if status == 429 => Cause::Throttled,
            Retry::Same | Retry::After(_) => Cause::Broken,
            // The reference client repeats whatever carries Retry-After; a refused token is answered elsewhere.
            Retry::Never if asked.is_some() && status != 401 => Cause::Broken,
            Retry::Never => return None,
        };
        // A 5xx may come from a gateway behind which the call went on; a refusal of the 4xx family was decided before
        // anything was done, except 408, which only says that somebody stopped waiting.
        let refused = (400..500).contains(&status) && status != 408;
        let unapplied = refused || cause == Cause::Conflict || (status == 503 && asked.is_some());
        Some(Verdict {
            cause,
            asked,
            unapplied,
        })
    }

    fn next(&self, verdict: Verdict, spent: &mut Spent) -> Step {
        match verdict.cause {
            Cause::Conflict => self.after_conflict(verdict.asked, spent),
            Cause::Throttled => self.after_throttling(verdict.asked, spent),
            Cause::Broken => {
                spent.attempts += 1;
                if spent.attempts >= self.limits.attempts || verdict.asked > Some(self.limits.throttle_patience) {
                    return Step::GiveUp;
                }
                let backoff = doubling(self.limits.first, spent.attempts, self.limits.longest);
                Step::Wait(self.jitter.stretch(verdict.asked.unwrap_or(backoff)))
            }
        }
    }

    fn after_conflict(&self, asked: Option<Duration>, spent: &mut Spent) -> Step {
        let now = self.clock.now();
        let since = *spent.conflict_since.get_or_insert(now);
        spent.conflicts += 1;
        let backoff = doubling(
            self.limits.conflict_first,
            spent.conflicts,
            self.limits.conflict_longest,
        );
        let pause = self.jitter.stretch(asked.map_or(backoff, |asked| asked.max(backoff)));
        let lasted = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
        if lasted + pause > self.limits.conflict_patience {
            return Step::GiveUp;
        }
        Step::Wait(pause)
    }

    fn after_throttling(&self, asked: Option<Duration>, spent: &mut Spent) -> Step {
        if asked.is_none_or(|asked| asked > self.limits.short) {
            spent.attempts += 1;
        }
        let backoff = doubling(self.limits.first, spent.attempts, self.limits.longest);
        let pause = asked.unwrap_or(backoff);
        spent.throttled += pause;
        if spent.attempts >= self.limits.attempts || spent.throttled > self.limits.throttle_patience {
            return Step::GiveUp;
        }
        Step::Wait(self.jitter.stretch(pause))
    }
}

fn doubling(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.saturating_sub(1).min(16)).min(longest)
}

#[async_trait]
impl Policy for Retries {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        self.meter.first(exchange.purpose);
        let mut spent = Spent {
            attempts: 0,
            conflicts: 0,
            conflict_since: None,
            throttled: Duration::ZERO,
        };
        loop {
            let outcome = next.send(exchange).await;
            let Some(verdict) = self.judge(&outcome) else {
                return outcome;
            };
            let safe = match exchange.repeat {
                Repeat::Freely => true,
                Repeat::IfNotApplied => verdict.unapplied,
            };
            if !safe {
                return outcome;
            }
            match self.next(verdict, &mut spent) {
                Step::Wait(pause) => {
                    let seconds = pause.as_secs_f64();
                    debug!(cause = ?verdict.cause, seconds, attempts = spent.attempts, "will be sent again");
                    self.clock.sleep(pause).await;
                    self.meter.again();
                }
                Step::GiveUp if verdict.cause == Cause::Throttled => {
                    return Err(Failure::Throttled {
                        retry_after: verdict.asked.unwrap_or(self.limits.longest),
                    });
                }
                Step::GiveUp => return outcome,
            }
        }
    }
}
