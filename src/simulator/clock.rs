//! How simulated time relates to real time. Only arithmetic: it reads no clock and never waits.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The ways simulated time can pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ClockMode {
    /// So many times as fast as real time; written `x120`.
    Factor(f64),
    /// Jumps to the next deadline as soon as every client sleeps; written `event`.
    Event,
    /// Stands still until told to advance; written `manual`.
    Manual,
}

/// The text names no clock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a clock: expected `event`, `manual`, or a factor such as `x120`")]
pub struct NotAClock(String);

impl FromStr for ClockMode {
    type Err = NotAClock;

    fn from_str(text: &str) -> Result<Self, NotAClock> {
        match text {
            "event" => Ok(Self::Event),
            "manual" => Ok(Self::Manual),
            other => other
                .strip_prefix('x')
                .and_then(|factor| factor.parse::<f64>().ok())
                .filter(|factor| factor.is_finite() && *factor > 0.0 && *factor <= 1e6)
                .map(Self::Factor)
                .ok_or_else(|| NotAClock(other.to_owned())),
        }
    }
}

impl TryFrom<String> for ClockMode {
    type Error = NotAClock;

    fn try_from(text: String) -> Result<Self, NotAClock> {
        text.parse()
    }
}

impl fmt::Display for ClockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factor(factor) => write!(f, "x{factor}"),
            Self::Event => f.write_str("event"),
            Self::Manual => f.write_str("manual"),
        }
    }
}

impl From<ClockMode> for String {
    fn from(mode: ClockMode) -> Self {
        mode.to_string()
    }
}

/// A length of time in a seed or an option: seconds as a number, or a text such as `5m` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "SpanText", into = "f64")]
pub struct Span(pub Duration);

impl Span {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// The text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: expected seconds as a number, or a text such as `90s`, `5m` or `1h 30m`")]
pub struct NotASpan(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum SpanText {
    Seconds(f64),
    Text(String),
}

impl TryFrom<SpanText> for Span {
    type Error = NotASpan;

    fn try_from(text: SpanText) -> Result<Self, NotASpan> {
        match text {
            SpanText::Seconds(seconds) => Duration::try_from_secs_f64(seconds)
                .map(Self)
                .map_err(|_| NotASpan(seconds.to_string())),
            SpanText::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let not = || NotASpan(text.to_owned());
        if let Ok(seconds) = text.parse() {
            return Self::try_from(SpanText::Seconds(seconds));
        }
        let signed: SignedDuration = text.parse().map_err(|_| not())?;
        Duration::try_from(signed).map(Self).map_err(|_| not())
    }
}

impl From<Span> for f64 {
    fn from(span: Span) -> Self {
        span.0.as_secs_f64()
    }
}

/// `at` and a duration later; the end of time where that would be beyond it.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// The time from one instant to a later one; zero when it is not later.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// As the PostgreSQL provider writes an instant: seven digits after the point.
pub(crate) fn wire(at: Timestamp) -> String {
    format!("{at:.7}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_and_written() {
        for text in ["event", "manual", "x120", "x0.5"] {
            assert_eq!(text.parse::<ClockMode>().unwrap().to_string(), text);
        }
        for text in ["", "fast", "x0", "x-1", "xnan", "120"] {
            assert!(text.parse::<ClockMode>().is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_seconds_or_text() {
        let span = |json: &str| serde_json::from_str::<Span>(json);
        assert_eq!(span("90").unwrap(), Span::seconds(90));
        assert_eq!(span(r#""1h 30m""#).unwrap(), Span::seconds(5400));
        assert!(span("-1").is_err());
        assert!(span(r#""soon""#).is_err());
    }

    #[test]
    fn time_never_overflows() {
        assert_eq!(later(Timestamp::MAX, Duration::from_secs(5)), Timestamp::MAX);
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
        assert_eq!(elapsed(Timestamp::MAX, Timestamp::UNIX_EPOCH), Duration::ZERO);
        assert_eq!(wire(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.0000000Z");
    }
}
