//! Keeps the request rate below the quota, so that Azure has no reason to answer 429. It repeats nothing.
//!
//! One bucket per service, subscription and class of call. While the service reports plenty left, everything goes at full
//! speed; when little is left, sends are spread out, the wider the less is left. Quotas are never assumed: sizes come from
//! the headers, and only the pace at the low end starts from the documented refill. Nobody waits here for longer than a
//! throttled call may: one answer that asks for an hour is told to all whom it concerns. Who has to go promptly is told sooner.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::wait::{self, NOTICEABLE, PROMPT};
use crate::arm::http::Response;
use crate::arm::{ArmId, ArmType, Failure};
use crate::azure::decode;
use crate::azure::pipeline::{Exchange, Next, Policy, Repeat};
use crate::clock::Clock;

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Reads, polls among them.
    Read,
    /// PUT, PATCH and POST, even where a POST only asks.
    Write,
    /// DELETE.
    Delete,
}

/// Whose quota a call draws on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// The service: a provider namespace in lower case, or private DNS, which counts on its own.
    pub service: String,
    /// The subscription in lower case; empty for calls to the tenant.
    pub subscription: String,
    /// The class of call.
    pub class: Class,
}

/// What a service last said is left of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Whose quota.
    pub bucket: Bucket,
    /// Calls left.
    pub left: u64,
}

/// Which stated caps are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caps {
    /// All of them.
    Always,
    /// Those of services that are seen to count: the remaining quota fell, or a call was throttled. A simulator whose
    /// quotas are switched off is not slowed down.
    WhereCounted,
}

/// A limit that the service states in its documentation and not in its headers (contract 2.6).
struct Cap {
    service: &'static str,
    class: Class,
    calls: usize,
    window: SignedDuration,
}

const PRIVATE_DNS: &str = "microsoft.network/privatednszones";

const NETWORK: &str = "microsoft.network";

/// Those of networks hold per subscription and region. A bucket does not know regions, so all of a subscription share one.
const CAPS: [Cap; 4] = [
    Cap::of(PRIVATE_DNS, Class::Read, 500),
    Cap::of(NETWORK, Class::Read, 10_000),
    Cap::of(NETWORK, Class::Write, 1000),
    Cap::of(NETWORK, Class::Delete, 1000),
];

impl Cap {
    /// So many calls in five minutes.
    const fn of(service: &'static str, class: Class, calls: usize) -> Self {
        Self {
            service,
            class,
            calls,
            window: SignedDuration::from_mins(5),
        }
    }
}

/// Calls of one bucket in flight at once. More gains nothing against a service that takes tens of milliseconds, and would
/// empty a small quota before the first answer tells how much is left.
const IN_FLIGHT: usize = 32;

/// A reading older than this says nothing any more: every quota has refilled.
const STALE: SignedDuration = SignedDuration::from_secs(60);

/// Below this share of the most that was ever seen left, calls are spread out.
const LOW: f64 = 0.2;

/// The policy, and the memory of what is left.
pub struct Governor {
    caps: Caps,
    clock: Arc<dyn Clock>,
    gauges: Mutex<HashMap<Bucket, Arc<Gauge>>>,
}

struct Gauge {
    permits: Semaphore,
    level: Mutex<Level>,
    cap: Option<&'static Cap>,
    /// The documented refill of a subscription's bucket, as the time that one call takes to come back.
    refill: SignedDuration,
}

#[derive(Default)]
struct Level {
    left: Option<u64>,
    read: Option<Timestamp>,
    most: u64,
    next: Option<Timestamp>,
    blocked: Option<Timestamp>,
    sent: VecDeque<Timestamp>,
    /// Until when a wait was announced: of a row of waits one line is enough.
    told: Option<Timestamp>,
    counted: bool,
}

impl Bucket {
    /// The bucket of a call on this object.
    pub fn of(id: &ArmId, arm_type: &ArmType, class: Class) -> Self {
        let folded = arm_type.folded();
        let service = if folded.starts_with(PRIVATE_DNS) {
            PRIVATE_DNS
        } else {
            folded.split('/').next().unwrap_or_default()
        };
        Self {
            service: service.to_owned(),
            subscription: id.subscription().unwrap_or_default().to_lowercase(),
            class,
        }
    }
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Delete => "deletes",
        }
    }
}

impl Governor {
    /// A governor that has seen nothing yet.
    pub fn new(caps: Caps, clock: Arc<dyn Clock>) -> Self {
        Self {
            caps,
            clock,
            gauges: Mutex::default(),
        }
    }

    /// What was last said to be left, by bucket.
    pub fn remaining(&self) -> Vec<Remaining> {
        let gauges = lock(&self.gauges);
        let mut all: Vec<Remaining> = gauges
            .iter()
            .filter_map(|(bucket, gauge)| {
                let left = lock(&gauge.level).left?;
                Some(Remaining {
                    bucket: bucket.clone(),
                    left,
                })
            })
            .collect();
        all.sort_by(|a, b| a.bucket.cmp(&b.bucket));
        all
    }

    /// Waits for one of the places of a bucket; `None` never comes, since they are never closed. What has to go promptly does
    /// not stand in line behind others that may wait for minutes.
    ///
    /// # Errors
    /// [`Failure::Throttled`] where that would take longer than the call may wait.
    async fn enter<'g>(
        &self,
        gauge: &'g Gauge,
        exchange: &mut Exchange,
    ) -> Result<Option<SemaphorePermit<'g>>, Failure> {
        match exchange.repeat {
            Repeat::Freely | Repeat::UnlessConflict | Repeat::IfNotApplied => Ok(gauge.permits.acquire().await.ok()),
            Repeat::Promptly => {
                let longest = wait::longest(exchange);
                let now = self.clock.now();
                let blocked = lock(&gauge.level)
                    .blocked
                    .map_or(Duration::ZERO, |blocked| until(blocked, now));
                if blocked > longest {
                    return Err(Failure::Throttled { retry_after: blocked });
                }
                if let Ok(permit) = gauge.permits.try_acquire() {
                    return Ok(Some(permit));
                }
                let entered = tokio::select! {
                    biased;
                    permit = gauge.permits.acquire() => Ok(permit.ok()),
                    () = self.clock.sleep(longest) => Err(Failure::Throttled { retry_after: PROMPT }),
                };
                exchange.waited += until(self.clock.now(), now);
                entered
            }
        }
    }

    fn gauge(&self, bucket: &Bucket) -> Arc<Gauge> {
        let mut gauges = lock(&self.gauges);
        if let Some(gauge) = gauges.get(bucket) {
            return Arc::clone(gauge);
        }
        let gauge = Arc::new(Gauge {
            permits: Semaphore::new(IN_FLIGHT),
            level: Mutex::default(),
            cap: CAPS
                .iter()
                .find(|cap| cap.service == bucket.service && cap.class == bucket.class),
            refill: match bucket.class {
                Class::Read => SignedDuration::from_millis(40),
                Class::Write | Class::Delete => SignedDuration::from_millis(100),
            },
        });
        gauges.insert(bucket.clone(), Arc::clone(&gauge));
        gauge
    }
}

impl Gauge {
    /// Takes the next place in the line and tells how long it is until then.
    ///
    /// # Errors
    /// That time, where it is longer than the call may wait; no place is taken then.
    fn reserve(&self, now: Timestamp, caps: Caps, longest: Duration) -> Result<Duration, Duration> {
        let mut level = lock(&self.level);
        let mut due = now;
        if let Some(blocked) = level.blocked {
            due = due.max(blocked);
        }
        if level.read.is_none_or(|read| now.duration_since(read) > STALE) {
            level.left = None;
        }
        let floor = low_mark(level.most);
        let low = level.left.filter(|left| *left < floor);
        if low.is_some() {
            due = due.max(level.next.unwrap_or(due));
        }
        let applies = match caps {
            Caps::Always => true,
            Caps::WhereCounted => level.counted,
        };
        let full = self.cap.filter(|cap| level.sent.len() >= cap.calls);
        if let (true, Some(cap), Some(oldest)) = (applies, full, level.sent.front()) {
            due = due.max(later(*oldest, cap.window));
        }
        let wait = until(due, now);
        if wait > longest {
            return Err(wait);
        }
        level.left = level.left.map(|left| left.saturating_sub(1));
        if let Some(left) = low {
            level.next = Some(later(due, self.pace(left, floor)));
        }
        if full.is_some() {
            level.sent.pop_front();
        }
        if self.cap.is_some() {
            level.sent.push_back(due);
        }
        Ok(wait)
    }

    /// Whether nothing was said yet of a wait that is going on.
    fn is_news(&self, now: Timestamp, wait: Duration) -> bool {
        let mut level = lock(&self.level);
        let is_news = wait >= NOTICEABLE && level.told.is_none_or(|until| until <= now);
        if is_news {
            level.told = Some(later(
                now,
                SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX),
            ));
        }
        is_news
    }

    /// Twice the documented refill at the low mark, half of it when nothing is left: in between lies the real one.
    fn pace(&self, left: u64, floor: u64) -> SignedDuration {
        #[expect(clippy::cast_precision_loss, reason = "quotas are far below 2^52")]
        let share = left as f64 / floor.max(1) as f64;
        self.refill.mul_f64(2.0 - 1.5 * share.min(1.0))
    }

    fn observe(&self, response: &Response, bucket: &Bucket, now: Timestamp) {
        let mut level = lock(&self.level);
        if let Some(left) = left(response, bucket) {
            level.counted |= left < level.most;
            level.most = level.most.max(left);
            level.left = Some(left);
            level.read = Some(now);
        }
        if response.status == 429 && decode::service_error(response).conflict().is_none() {
            level.counted = true;
            level.left = level.left.map(|_| 0);
            if let Some(asked) = response.retry_after(now) {
                let until = later(now, SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX));
                level.blocked = Some(level.blocked.map_or(until, |blocked| blocked.max(until)));
            }
        }
    }
}

#[async_trait]
impl Policy for Governor {
    async fn send(&self, exchange: &mut Exchange, next: Next<'_>) -> Result<Response, Failure> {
        let gauge = self.gauge(&exchange.bucket);
        // The permit is held while waiting for the turn: a long line then sleeps in at most so many places.
        let permit = self.enter(&gauge, exchange).await?;
        let mut longest = wait::longest(exchange);
        loop {
            let now = self.clock.now();
            let reserved = gauge.reserve(now, self.caps, longest);
            let wait = reserved.map_err(|retry_after| Failure::Throttled { retry_after })?;
            if wait.is_zero() {
                break;
            }
            if gauge.is_news(now, wait) {
                wait::announce(exchange, "the quota of its kind is used up", wait);
            }
            self.clock.sleep(wait).await;
            exchange.waited += wait;
            longest = longest.saturating_sub(wait);
            // A throttled answer to somebody else may have come meanwhile.
            let blocked = lock(&gauge.level).blocked;
            if blocked.is_none_or(|until| until <= self.clock.now()) {
                break;
            }
        }
        let outcome = next.send(exchange).await;
        if let Ok(response) = &outcome {
            gauge.observe(response, &exchange.bucket, self.clock.now());
        }
        drop(permit);
        outcome
    }
}

/// The least that any header says is left of this bucket.
fn left(response: &Response, bucket: &Bucket) -> Option<u64> {
    let word = bucket.class.word();
    let names = if bucket.subscription.is_empty() {
        [
            format!("x-ms-ratelimit-remaining-tenant-{word}"),
            format!("x-ms-ratelimit-remaining-tenant-global-{word}"),
        ]
    } else {
        [
            format!("x-ms-ratelimit-remaining-subscription-{word}"),
            format!("x-ms-ratelimit-remaining-subscription-global-{word}"),
        ]
    };
    names
        .iter()
        .filter_map(|name| response.header(name)?.trim().parse().ok())
        .min()
}

fn low_mark(most: u64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive share of a quota, which is far below 2^52"
    )]
    let mark = (most as f64 * LOW) as u64;
    mark
}

fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or_default()
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::Verb;
    use crate::arm::http::Request;
    use crate::azure::meter::Purpose;

    /// Every sleep is over at once.
    struct Hasty;

    #[async_trait]
    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[tokio::test]
    async fn what_has_to_go_promptly_does_not_stand_behind_all_who_wait_in_the_line() {
        let governor = Governor::new(Caps::Always, Arc::new(Hasty));
        let bucket = Bucket {
            service: "microsoft.dbforpostgresql".into(),
            subscription: "s".into(),
            class: Class::Write,
        };
        let gauge = governor.gauge(&bucket);
        let mut exchange = Exchange {
            request: Request {
                verb: Verb::Patch,
                url: String::new(),
                headers: Vec::new(),
                body: None,
            },
            purpose: Purpose::Write,
            bucket,
            repeat: Repeat::Promptly,
            waited: Duration::ZERO,
        };
        let mut held = Vec::new();
        while let Ok(permit) = gauge.permits.try_acquire() {
            held.push(permit);
        }
        let refused = governor.enter(&gauge, &mut exchange).await.unwrap_err();
        assert!(matches!(refused, Failure::Throttled { .. }), "{refused:?}");
        held.pop();
        assert!(governor.enter(&gauge, &mut exchange).await.unwrap().is_some());
    }
}
