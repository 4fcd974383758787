//! Lengths of time as people write them. Nothing here waits.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SpanRelativeTo;

/// A length of time as people write it, in the configuration and in flags: `90s`, `30m`, `1h30m`, `2h 15m`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length(pub Duration);

/// The text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: write for example `90s`, `30m`, `1h30m` or `1d`")]
pub struct NotALength(String);

impl fmt::Display for Length {
    /// In the shortest form that is read as the same again: `1h30m`. Parts of a second are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
        ];
        for (number, unit) in parts.iter().filter(|(number, _)| *number > 0) {
            write!(f, "{number}{unit}")?;
        }
        match seconds {
            0 => f.write_str("0s"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Length {
    type Err = NotALength;

    fn from_str(text: &str) -> Result<Self, NotALength> {
        let not = || NotALength(text.to_owned());
        let span: jiff::Span = text.parse().map_err(|_| not())?;
        let length = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| not())?;
        Duration::try_from(length).map(Self).map_err(|_| not())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        let seconds = |text: &str| text.parse::<Length>().ok().map(|length| length.0.as_secs());
        for (text, wanted) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1_800),
            ("1h30m", 5_400),
            ("2h 15m", 8_100),
            ("1d", 86_400),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for text in ["0s", "1m30s", "30m", "1h30m", "2h15m", "1d", "7d12h"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "30",
            "m",
            "-5m",
            "5 parsecs",
            "1month",
            "99999999999999999999h",
            "\u{661}m",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
