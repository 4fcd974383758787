//! Instants and lengths of time, in words. Always UTC: the service, its logs and its deadlines are, too.

use std::time::Duration;

use jiff::Timestamp;

/// A length of time with its two largest units: `48 s`, `12 min`, `1 h 05 min`, `6 d 23 h`.
pub(crate) fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 if duration.as_millis() > 0 => format!("{} ms", duration.as_millis()),
        0..60 => format!("{seconds} s"),
        60..600 => format!("{minutes} min {:02} s", seconds % 60),
        600..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// A length of time that nobody knows exactly: whole minutes, and no less than one.
pub(crate) fn roughly(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60).max(1);
    if minutes < 60 {
        format!("{minutes} min")
    } else {
        length(Duration::from_secs(minutes.saturating_mul(60)))
    }
}

/// The time from one instant to another; nothing where the second is the earlier one.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

/// Date and minute: `2026-11-01 01:12 UTC`.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Time of day for lines of a log: `01:12:05Z`.
pub(crate) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// A replication lag. Unknown is never shown as nothing.
pub(crate) fn lag(lag: Option<Duration>) -> String {
    match lag {
        None => "unknown".into(),
        Some(Duration::ZERO) => "0 s".into(),
        Some(lag) => length(lag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_show_two_units() {
        let shown: Vec<String> = [0, 48, 61, 725, 3900, 604_799]
            .map(|seconds| length(Duration::from_secs(seconds)))
            .into();
        assert_eq!(shown, ["0 s", "48 s", "1 min 01 s", "12 min", "1 h 05 min", "6 d 23 h"]);
        assert_eq!(length(Duration::from_millis(340)), "340 ms");
    }
}
