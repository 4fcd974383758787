//! The two clocks: the wall's for Azure, the simulator's for the simulator. Nothing else here reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use super::endpoint::Endpoint;
use crate::arm::TransportError;
use crate::arm::error::Delivery;
use crate::arm::http::{HeaderValue, Request, Transport};
use crate::arm::operation::Verb;
use crate::clock::Clock;
use crate::secret::Secret;

/// The header by which the simulator tells its time on every answer, in RFC 3339.
pub const SIMULATOR_TIME: &str = "x-pgferry-simulator-time";

/// Where the simulator lets its clients sleep.
const SLEEP: &str = "/_simulator/sleep";

/// How long to wait on the wall where the simulator does not answer: whoever slept then learns it from its next call.
const WITHOUT_SIMULATOR: Duration = Duration::from_millis(250);

/// How far below the truth a time in text may be.
const ROUNDING: SignedDuration = SignedDuration::from_millis(1);

/// Wall time.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

/// The latest time that the simulator told. It never goes back.
#[derive(Debug)]
pub struct SimulatedTime(AtomicI64);

/// The simulator's time, as far as it was told.
pub struct SimulatedClock {
    time: Arc<SimulatedTime>,
    sleeper: Arc<dyn Transport>,
    address: String,
}

#[async_trait]
impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's door to the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Default for SimulatedTime {
    fn default() -> Self {
        Self(AtomicI64::new(Timestamp::UNIX_EPOCH.as_microsecond()))
    }
}

impl SimulatedTime {
    /// Takes note of a time header.
    pub fn observe(&self, header: &str) {
        if let Ok(told) = header.trim().parse::<Timestamp>() {
            self.reached(told);
        }
    }

    /// Microseconds, rounded up: whoever waits for an instant finds it reached.
    fn reached(&self, instant: Timestamp) {
        let whole = instant.as_microsecond();
        let rest = i64::from(instant.subsec_nanosecond() % 1000 != 0);
        self.0.fetch_max(whole.saturating_add(rest), Ordering::AcqRel);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Acquire)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl SimulatedClock {
    /// The clock of the simulator at this address. `sleeper` must wait for an answer as long as it takes, and must feed `time`.
    pub fn new(time: Arc<SimulatedTime>, sleeper: Arc<dyn Transport>, endpoint: &Endpoint) -> Self {
        Self {
            time,
            sleeper,
            address: endpoint.at(SLEEP),
        }
    }

    async fn ask(&self, until: Timestamp) -> Result<(), TransportError> {
        let body = serde_json::json!({ "until": until.to_string() });
        let request = Request {
            verb: Verb::Post("sleep".into()),
            url: self.address.clone(),
            headers: vec![("content-type", HeaderValue::Plain("application/json".into()))],
            body: Some(Secret::new(body.to_string())),
        };
        let answer = self.sleeper.send(&request).await?;
        match answer.status {
            200..=299 => Ok(()),
            other => Err(TransportError {
                message: format!("the simulator answered a sleep with status {other}"),
                delivered: Delivery::Unknown,
            }),
        }
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// Asks by a sleep that is already over. A simulator that does not answer is found out by the first call.
    async fn hear(&self) {
        if let Err(error) = self.ask(Timestamp::UNIX_EPOCH).await {
            debug!(%error, "the simulator does not tell its time");
        }
    }

    /// Asks the simulator to wake this caller. It may answer early, with time moved on; then it is asked again.
    async fn sleep(&self, duration: Duration) {
        let by = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        let until = self.now().checked_add(by).unwrap_or(Timestamp::MAX);
        while self.now() < until {
            let before = self.now();
            let asked = self.ask(until).await;
            let left = until.duration_since(self.now());
            match asked {
                // The text may be rounded; a caller that waits for this very instant must find it reached.
                Ok(()) if left <= ROUNDING => return self.time.reached(until),
                Ok(()) if self.now() > before => {}
                // It sends its sleepers home when it closes.
                Ok(()) => {
                    tokio::time::sleep(WITHOUT_SIMULATOR).await;
                    return;
                }
                Err(error) => {
                    debug!(%error, "the simulator does not answer");
                    tokio::time::sleep(duration.min(WITHOUT_SIMULATOR)).await;
                    return;
                }
            }
        }
    }
}
