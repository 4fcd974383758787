//! Token buckets per subscription and kind of call, filled by simulated time. Never delays a call: it counts or refuses.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;

use super::clock;
use super::message::Method;
use super::options::{Options, Quota, Quotas, Switch};
use super::refusal::Refusal;

/// What a call counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Reads,
    Writes,
    Deletes,
}

impl Class {
    /// Actions count as writes, polls as reads (contract 2.6).
    pub(crate) fn of(method: Method) -> Self {
        match method {
            Method::Get | Method::Head => Self::Reads,
            Method::Put | Method::Patch | Method::Post => Self::Writes,
            Method::Delete => Self::Deletes,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Deletes => "deletes",
        }
    }
}

/// Whose additional cap applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    Network,
    PrivateDns,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Subscription(Class),
    Global(Class),
    Service(Service, Class),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: f64,
    at: Timestamp,
}

/// All buckets of a world. Not saved: a service that starts again has full buckets.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    buckets: HashMap<Kind, HashMap<String, Bucket>>,
}

/// Headers that tell what is left.
pub(crate) type Remaining = Vec<(Cow<'static, str>, String)>;

impl Throttle {
    /// Counts one call of a subscription (of the tenant where there is none).
    pub(crate) fn count(
        &mut self,
        options: &Options,
        now: Timestamp,
        subscription: Option<&str>,
        class: Class,
        service: Service,
    ) -> Result<Remaining, Refusal> {
        let default = Quotas::default();
        let quotas = match &options.quotas {
            Switch::On(quotas) => quotas,
            // The headers still tell figures, from buckets that never run dry.
            Switch::Off => return Ok(self.headers(&default, now, subscription, class)),
        };
        if let Some(cap) = service_quota(quotas, service, class) {
            self.take(
                Kind::Service(service, class),
                cap,
                now,
                subscription.unwrap_or_default(),
            )
            .map_err(|wait| {
                Refusal::new(
                    429,
                    "TooManyRequests",
                    "The server is throttling calls of this resource provider.",
                )
                .retry_after(wait)
            })?;
        }
        let quota = subscription_quota(quotas, class);
        self.take(Kind::Subscription(class), quota, now, subscription.unwrap_or_default()).map_err(|wait| {
            Refusal::new(
                429,
                "SubscriptionRequestsThrottled",
                format!(
                    "Number of '{}' requests for subscription '{}' exceeded the limit. Please try again after '{wait}' seconds.",
                    class.word(),
                    subscription.unwrap_or_default(),
                ),
            )
            .retry_after(wait)
        })?;
        // The global bucket is fifteen times as large and fast, so it empties only when several principals share it.
        let _ = self.take(
            Kind::Global(class),
            global(quota),
            now,
            subscription.unwrap_or_default(),
        );
        Ok(self.headers(quotas, now, subscription, class))
    }

    fn take(&mut self, kind: Kind, quota: Quota, now: Timestamp, owner: &str) -> Result<(), u64> {
        let bucket = self.bucket(kind, quota, now, owner);
        if bucket.level >= 1.0 {
            bucket.level -= 1.0;
            return Ok(());
        }
        let seconds = ((1.0 - bucket.level) / quota.per_second.max(1e-6))
            .ceil()
            .clamp(1.0, 3600.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 1..=3600 just above"
        )]
        let seconds = seconds as u64;
        Err(seconds)
    }

    fn bucket(&mut self, kind: Kind, quota: Quota, now: Timestamp, owner: &str) -> &mut Bucket {
        let owners = self.buckets.entry(kind).or_default();
        if !owners.contains_key(owner) {
            owners.insert(
                owner.to_owned(),
                Bucket {
                    level: quota.size,
                    at: now,
                },
            );
        }
        let bucket = owners.entry(owner.to_owned()).or_insert(Bucket {
            level: quota.size,
            at: now,
        });
        let gained = clock::elapsed(bucket.at, now).as_secs_f64() * quota.per_second;
        bucket.level = (bucket.level + gained).min(quota.size);
        bucket.at = now;
        bucket
    }

    fn headers(&mut self, quotas: &Quotas, now: Timestamp, subscription: Option<&str>, class: Class) -> Remaining {
        let quota = subscription_quota(quotas, class);
        let scope = if subscription.is_some() {
            "subscription"
        } else {
            "tenant"
        };
        let owner = subscription.unwrap_or_default();
        let left = self.bucket(Kind::Subscription(class), quota, now, owner).level.floor();
        let mut headers = vec![(
            Cow::Owned(format!("x-ms-ratelimit-remaining-{scope}-{}", class.word())),
            format!("{left:.0}"),
        )];
        if subscription.is_some() {
            let left = self
                .bucket(Kind::Global(class), global(quota), now, owner)
                .level
                .floor();
            let name = format!("x-ms-ratelimit-remaining-subscription-global-{}", class.word());
            headers.push((Cow::Owned(name), format!("{left:.0}")));
        }
        headers
    }
}

fn global(quota: Quota) -> Quota {
    Quota {
        size: quota.size * 15.0,
        per_second: quota.per_second * 15.0,
    }
}

fn subscription_quota(quotas: &Quotas, class: Class) -> Quota {
    match class {
        Class::Reads => quotas.reads,
        Class::Writes => quotas.writes,
        Class::Deletes => quotas.deletes,
    }
}

fn service_quota(quotas: &Quotas, service: Service, class: Class) -> Option<Quota> {
    match (service, class) {
        (Service::Network, Class::Reads) => Some(quotas.network_reads),
        (Service::Network, Class::Writes | Class::Deletes) => Some(quotas.network_writes),
        (Service::PrivateDns, Class::Reads) => Some(quotas.dns_reads),
        (Service::PrivateDns, Class::Writes | Class::Deletes) | (Service::Other, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn read(throttle: &mut Throttle, options: &Options, now: Timestamp) -> Result<Remaining, Refusal> {
        throttle.count(options, now, Some("s"), Class::Reads, Service::Other)
    }

    #[test]
    fn a_bucket_runs_dry_and_fills_again() {
        let options = Options::default()
            .merged(&json!({ "quotas": { "reads": { "size": 2, "per_second": 0.5 } } }))
            .unwrap();
        let (mut throttle, mut now) = (Throttle::default(), Timestamp::UNIX_EPOCH);
        let left = read(&mut throttle, &options, now).unwrap();
        assert_eq!(
            left[0],
            ("x-ms-ratelimit-remaining-subscription-reads".into(), "1".to_owned())
        );
        read(&mut throttle, &options, now).unwrap();
        let refusal = read(&mut throttle, &options, now).unwrap_err();
        assert_eq!((refusal.status, refusal.retry_after_seconds), (429, Some(2)));
        now = clock::later(now, Duration::from_secs(2));
        read(&mut throttle, &options, now).unwrap();
    }

    #[test]
    fn switched_off_it_never_refuses() {
        let options = Options::default().merged(&json!({ "quotas": false })).unwrap();
        let mut throttle = Throttle::default();
        for _ in 0..1000 {
            read(&mut throttle, &options, Timestamp::UNIX_EPOCH).unwrap();
        }
    }
}
