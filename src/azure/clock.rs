//! The two clocks: the wall's for Azure, the simulator's for the simulator. Nothing else here reads a clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// Wall time, as long as the machine's clock goes forward. Where that is set back, this one goes on at its pace: an instant that
/// was waited for comes no later, and a lock, a token and a pause between two looks last as long as they were meant to.
/// Where it is set forward, by a correction or because the machine slept, this one follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock;

/// The last reading of a clock that never goes back.
#[derive(Debug)]
struct Steady {
    told: Timestamp,
    at: Instant,
}

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
        static LAST: Mutex<Option<Steady>> = Mutex::new(None);
        // Nothing can panic while it is held.
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, at) = (Timestamp::now(), Instant::now());
        last.get_or_insert(Steady { told: wall, at }).read(wall, at)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Steady {
    /// What time it is, where the machine's clock says `wall` at an instant that is no earlier than the last one.
    fn read(&mut self, wall: Timestamp, at: Instant) -> Timestamp {
        let passed = SignedDuration::try_from(at.duration_since(self.at)).unwrap_or(SignedDuration::MAX);
        let told = self.told.checked_add(passed).unwrap_or(wall).max(wall);
        *self = Self { told, at };
        told
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_never_goes_back_and_never_stands_still() {
        let (noon, begun) = ("2026-11-01T12:00:00Z".parse::<Timestamp>().unwrap(), Instant::now());
        let mut clock = Steady { told: noon, at: begun };
        let mut read = |wall: &str, seconds: u64| {
            let told = clock.read(wall.parse().unwrap(), begun + Duration::from_secs(seconds));
            told.strftime("%H:%M:%S").to_string()
        };
        assert_eq!(read("2026-11-01T12:00:10Z", 10), "12:00:10");
        // Set back by five hours: time goes on, and what was to happen in twenty seconds happens then.
        assert_eq!(read("2026-11-01T07:00:10Z", 10), "12:00:10");
        assert_eq!(read("2026-11-01T07:00:30Z", 30), "12:00:30");
        // Set forward by hours, or slept: it follows.
        assert_eq!(read("2026-11-01T15:00:00Z", 40), "15:00:00");
        assert_eq!(read("2026-11-01T12:00:50Z", 50), "15:00:10");
    }
}
