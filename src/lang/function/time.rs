//! Functions on points in time, written after RFC 3339. None looks at a clock.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::Value;

const TIMESTAMP: Parameter = Parameter::new("timestamp", Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "formatdate",
        "A point in time after a pattern such as `YYYY-MM-DD hh:mm:ss ZZZZ`; texts within it stand in single quotes.",
        &[
            Parameter::new("format", Wants::String),
            Parameter::new("time", Wants::String),
        ],
        Returns::Always(Wants::String),
        |a| Ok(Value::text(formatted(a.text(0), &moment(a, 1)?)?)),
    ),
    Function::new(
        "timeadd",
        "A point in time so much later; a duration is written like `1h30m`, `-10m` or `1.5h`.",
        &[TIMESTAMP, Parameter::new("duration", Wants::String)],
        Returns::Always(Wants::String),
        add,
    ),
    Function::new(
        "timecmp",
        "-1, 0 or 1 when the first point in time is earlier than, the same as or later than the second.",
        &[
            Parameter::new("timestamp_a", Wants::String),
            Parameter::new("timestamp_b", Wants::String),
        ],
        Returns::Always(Wants::Number),
        |a| {
            let (first, second) = (moment(a, 0)?, moment(a, 1)?);
            Ok(Value::integer(match first.universal().cmp(&second.universal()) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            }))
        },
    ),
];

/// A point in time as somebody's clock shows it.
struct Moment {
    local: DateTime,
    /// How far that clock is ahead of UTC, in minutes.
    ahead: i32,
}

impl Moment {
    fn universal(&self) -> DateTime {
        self.local
            .checked_sub(SignedDuration::from_mins(i64::from(self.ahead)))
            .unwrap_or(self.local)
    }

    /// `Z` or `+02:00`; the colon is left out when asked for none.
    fn zone(&self, zero: &str, colon: &str) -> String {
        if self.ahead == 0 && !zero.is_empty() {
            return zero.to_owned();
        }
        let sign = if self.ahead < 0 { '-' } else { '+' };
        let minutes = self.ahead.abs();
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }
}

fn moment(arguments: &Arguments<'_>, at: usize) -> Result<Moment, Failure> {
    parse(arguments.text(at)).ok_or_else(|| {
        Failure::Argument(
            at,
            "a point in time such as \"2026-03-01T08:30:00Z\" is required".to_owned(),
        )
    })
}

fn parse(text: &str) -> Option<Moment> {
    let zone = text.get(19..)?;
    let zone_at = zone.find(['Z', '+', '-'])?;
    let (fraction, zone) = zone.split_at(zone_at);
    let whole = fraction.is_empty()
        || fraction
            .strip_prefix('.')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let written = text.get(..19)?;
    if !whole || written.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    // Nothing here tells nanoseconds apart.
    let local: DateTime = format!("{written}{}", fraction.get(..10).unwrap_or(fraction))
        .parse()
        .ok()?;
    let ahead = match zone.split_at(1) {
        ("Z", "") => 0,
        (sign, offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let two = |digits: &str| {
                let plain = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
                plain.then(|| digits.parse::<i32>().ok()).flatten()
            };
            let minutes =
                two(hours).filter(|hours| *hours < 24)? * 60 + two(minutes).filter(|minutes| *minutes < 60)?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    Some(Moment { local, ahead })
}

fn add(arguments: &Arguments<'_>) -> Outcome {
    let moment = moment(arguments, 0)?;
    let duration = duration(arguments.text(1))
        .ok_or_else(|| Failure::Argument(1, "a duration such as \"1h30m\" is required".to_owned()))?;
    let later = moment.local.checked_add(duration);
    let local = later.map_err(|_| Failure::Call("the result lies outside of the calendar".to_owned()))?;
    let later = Moment { local, ..moment };
    Ok(Value::text(format!(
        "{}{}",
        local.strftime("%Y-%m-%dT%H:%M:%S"),
        later.zone("Z", ":")
    )))
}

/// A duration as Go writes it.
fn duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        nanoseconds = nanoseconds.checked_add(scaled(number, scale)?)?;
        rest = after;
    }
    let nanoseconds = if negative { -nanoseconds } else { nanoseconds };
    // Go counts durations in 64 bits of nanoseconds.
    Some(SignedDuration::from_nanos(i64::try_from(nanoseconds).ok()?))
}

/// A decimal number times a whole one, without its fraction.
fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let value = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<i128>().ok()
        }
    };
    let places = u32::try_from(fraction.len()).ok()?;
    let parts = value(fraction)?.checked_mul(scale)? / 10_i128.checked_pow(places)?;
    value(whole)?.checked_mul(scale)?.checked_add(parts)
}

fn formatted(format: &str, moment: &Moment) -> Result<String, Failure> {
    let mut result = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('\'') {
            rest = literal(quoted, &mut result)?;
            continue;
        }
        let same = rest.find(|c: char| c != first).unwrap_or(rest.len());
        let (token, after) = rest.split_at(same);
        rest = after;
        match field(token, moment) {
            Some(field) => result.push_str(&field),
            None if first.is_ascii_alphabetic() => {
                let text = format!("there is no `{token}`; texts stand in single quotes");
                return Err(Failure::Argument(0, text));
            }
            None => result.push_str(token),
        }
    }
    Ok(result)
}

/// Takes a text in single quotes, two of which stand for one.
fn literal<'t>(quoted: &'t str, result: &mut String) -> Result<&'t str, Failure> {
    let mut rest = quoted;
    loop {
        let Some((text, after)) = rest.split_once('\'') else {
            return Err(Failure::Argument(0, "a single quote is never closed".to_owned()));
        };
        result.push_str(text);
        match after.strip_prefix('\'') {
            Some(after) => {
                result.push('\'');
                rest = after;
            }
            None => return Ok(after),
        }
    }
}

fn field(token: &str, moment: &Moment) -> Option<String> {
    let local = &moment.local;
    let written = |pattern: &str| local.strftime(pattern).to_string();
    let twelve = (local.hour() + 11) % 12 + 1;
    Some(match token {
        "YYYY" => written("%Y"),
        "YY" => written("%y"),
        "MMMM" => written("%B"),
        "MMM" => written("%b"),
        "MM" => written("%m"),
        "M" => local.month().to_string(),
        "DD" => written("%d"),
        "D" => local.day().to_string(),
        "EEEE" => written("%A"),
        "EEE" => written("%a"),
        "hh" => written("%H"),
        "h" => local.hour().to_string(),
        "HH" => format!("{twelve:02}"),
        "H" => twelve.to_string(),
        "AA" => (if local.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        "aa" => (if local.hour() < 12 { "am" } else { "pm" }).to_owned(),
        "mm" => written("%M"),
        "m" => local.minute().to_string(),
        "ss" => written("%S"),
        "s" => local.second().to_string(),
        "ZZZZZ" => moment.zone("", ":"),
        "ZZZZ" => moment.zone("", ""),
        "ZZZ" => moment.zone("UTC", ""),
        "Z" => moment.zone("Z", ":"),
        _ => return None,
    })
}
