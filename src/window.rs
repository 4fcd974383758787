//! When something may begin: between two instants, at hours of the week, and not on days of a calendar, all by the clocks of
//! one time zone. Nothing here reads a clock.
//!
//! Hours are what clocks on the wall show. Where clocks go forward, hours that are skipped do not come; where they go back,
//! hours that come twice are open twice.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

const MINUTES_A_DAY: u16 = 24 * 60;

/// Days that are looked at beyond those that a calendar closes: two weeks, since clocks may skip the hours of one, and some more.
const DAYS_AHEAD: usize = 30;

const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// When something may begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Whose clocks count.
    pub zone: Zone,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Not at this instant, and not after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Only at these hours; at all hours where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Not on these days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Closed>,
}

/// A time zone, by its name in the IANA database. The database is a part of the program, so that everybody who reads a plan
/// reads the same hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// The text names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a time zone: write for example `Europe/Berlin` or `UTC`")]
pub struct NotAZone(String);

/// Hours of days of the week, such as `Mon-Fri 22:00-04:00`. Where they end before they begin, they end on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    /// By day, from Monday on, whether they begin on it.
    days: [bool; 7],
    /// Minutes after midnight.
    from: u16,
    /// Minutes after midnight.
    to: u16,
}

/// The text says no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHours {
    /// It is of another form.
    #[error(
        "`{0}` says no hours of the week: write days, hours or both, for example `Sat,Sun`, `22:00-04:00` or `Mon-Fri 22:00-04:00`"
    )]
    Form(String),
    /// They end when they begin.
    #[error("`{0}` ends when it begins: leave the hours out for whole days")]
    Empty(String),
}

/// Days of a calendar on which nothing begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The first.
    pub first: Date,
    /// The last.
    pub last: Date,
    /// What the calendar says of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A line of a calendar that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the calendar: {what}")]
pub struct NotACalendar {
    /// Which line, from 1.
    pub line: usize,
    what: String,
}

/// The text says no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInstant {
    /// It is of another form.
    #[error(
        "`{0}` is no day with an hour: write for example `2026-12-05 22:00`, or with an offset `2026-12-05T22:00+01:00`"
    )]
    Form(String),
    /// No clock of the zone shows it.
    #[error("clocks of {zone} never show `{text}`, since they go forward over it")]
    Skipped {
        /// What was written.
        text: String,
        /// The zone.
        zone: Zone,
    },
    /// Clocks of the zone show it twice.
    #[error(
        "clocks of {zone} show `{text}` twice, since they go back: write it with its offset, `{first}` or `{second}`"
    )]
    Twice {
        /// What was written.
        text: String,
        /// The zone.
        zone: Zone,
        /// With the offset of the first time.
        first: String,
        /// With that of the second.
        second: String,
    },
}

impl Window {
    /// Whether it says anything at all.
    pub fn is_limited(&self) -> bool {
        self.not_before.is_some() || self.not_after.is_some() || !self.hours.is_empty() || !self.closed.is_empty()
    }

    /// Whether something may begin at this instant.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let is_between =
            self.not_before.is_none_or(|first| at >= first) && self.not_after.is_none_or(|after| at < after);
        let local = self.zone.0.to_datetime(at);
        is_between
            && self.closed_on(local.date()).is_none()
            && (self.hours.is_empty() || self.hours.iter().any(|hours| hours.hold(local)))
    }

    /// The first instant from this one on at which it is open; `None` where it never opens any more.
    pub fn opens(&self, from: Timestamp) -> Option<Timestamp> {
        let from = self.not_before.map_or(from, |first| first.max(from));
        if self.is_open(from) {
            return Some(from);
        }
        let mut day = self.zone.0.to_datetime(from).date();
        for _ in 0..DAYS_AHEAD.saturating_add(self.closed.len().saturating_mul(16)) {
            if let Some(closed) = self.closed_on(day) {
                day = closed.last.tomorrow().ok()?;
                continue;
            }
            let edges = self.edges(day);
            if let Some(opens) = edges.iter().find(|at| **at >= from && self.is_open(**at)) {
                return Some(*opens);
            }
            if self
                .not_after
                .is_some_and(|after| edges.first().is_some_and(|at| *at >= after))
            {
                return None;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first instant from this one on at which it is not open; `None` where it stays open for ever.
    pub fn closes(&self, from: Timestamp) -> Option<Timestamp> {
        if !self.is_open(from) {
            return Some(from);
        }
        let today = self.zone.0.to_datetime(from).date();
        let week = (-1..=8).filter_map(|days| today.checked_add(days.days()).ok());
        let days = week.chain(self.closed.iter().map(|closed| closed.first));
        let edges = days.flat_map(|day| self.edges(day)).chain(self.not_after);
        edges.filter(|at| *at > from && !self.is_open(*at)).min()
    }

    /// An instant as clocks of the zone show it: `Sat 2026-12-05 22:00 Europe/Berlin`.
    pub fn local(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.zone.0.clone());
        format!("{} {}", local.strftime("%a %Y-%m-%d %H:%M"), self.zone)
    }

    fn closed_on(&self, day: Date) -> Option<&Closed> {
        self.closed
            .iter()
            .find(|closed| closed.first <= day && day <= closed.last)
    }

    /// Every instant of a day at which it may open or close, in order.
    fn edges(&self, day: Date) -> Vec<Timestamp> {
        let hours = self.hours.iter().flat_map(|hours| [hours.from, hours.to]);
        let minutes = hours.chain([0, MINUTES_A_DAY]);
        let mut edges: Vec<Timestamp> = minutes
            .filter_map(|minutes| day.at(0, 0, 0, 0).checked_add(i64::from(minutes).minutes()).ok())
            .flat_map(|at| self.zone.instants(at))
            .collect();
        if let (Some(first), Some(last)) = (edges.iter().min().copied(), edges.iter().max().copied()) {
            let jumps = self.zone.0.following(first).map(|jump| jump.timestamp());
            edges.extend(jumps.take_while(|at| *at <= last));
        }
        edges.sort_unstable();
        edges
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = |at: Timestamp| self.zone.0.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string();
        let hours: Vec<String> = self.hours.iter().map(Hours::to_string).collect();
        let from = self.not_before.map(|at| format!("from {}", local(at)));
        let until = self.not_after.map(|at| format!("until {}", local(at)));
        let days: Vec<String> = self.closed.iter().map(Closed::to_string).collect();
        let closed = (!days.is_empty()).then(|| format!("not on {}", days.join(", ")));
        let hours = (!hours.is_empty()).then(|| hours.join(" or "));
        let parts: Vec<String> = [from, until, hours, closed].into_iter().flatten().collect();
        write!(f, "{} ({})", parts.join("; "), self.zone)
    }
}

impl Zone {
    /// The instants at which clocks show this: none, where they skip it, as near as they come to it.
    fn instants(&self, at: DateTime) -> impl Iterator<Item = Timestamp> + use<> {
        let found = self.0.to_ambiguous_timestamp(at);
        [found.earlier(), found.later()].into_iter().filter_map(Result::ok)
    }

    /// The one instant that a text means: with an offset wherever it is, otherwise by the clocks of the zone.
    ///
    /// # Errors
    /// When it says no instant, or clocks of the zone show it never or twice.
    pub fn instant(&self, text: &str) -> Result<Timestamp, NotAnInstant> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(instant);
        }
        let form = || NotAnInstant::Form(text.to_owned());
        // A zone in brackets would be read over.
        let local: DateTime = match text.contains(':') && !text.contains(['[', '+']) {
            true => text.parse().map_err(|_| form())?,
            false => return Err(form()),
        };
        let found = self.0.to_ambiguous_timestamp(local);
        match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => found.unambiguous().map_err(|_| form()),
            AmbiguousOffset::Gap { .. } => Err(NotAnInstant::Skipped {
                text: text.to_owned(),
                zone: self.clone(),
            }),
            AmbiguousOffset::Fold { before, after } => {
                let with = |offset| format!("{}{offset}", local.strftime("%Y-%m-%dT%H:%M"));
                Err(NotAnInstant::Twice {
                    text: text.to_owned(),
                    zone: self.clone(),
                    first: with(before),
                    second: with(after),
                })
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl FromStr for Zone {
    type Err = NotAZone;

    fn from_str(text: &str) -> Result<Self, NotAZone> {
        TimeZone::get(text).map(Self).map_err(|_| NotAZone(text.to_owned()))
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = NotAZone;

    fn try_from(text: String) -> Result<Self, NotAZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl Hours {
    /// Whether clocks that show this show one of these hours.
    fn hold(&self, local: DateTime) -> bool {
        let minutes = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let (today, yesterday) = (
            self.begin_on(local.weekday()),
            self.begin_on(local.weekday().previous()),
        );
        match self.from < self.to {
            true => today && (self.from..self.to).contains(&minutes),
            false => (today && minutes >= self.from) || (yesterday && minutes < self.to),
        }
    }

    fn begin_on(&self, day: Weekday) -> bool {
        DAYS.iter()
            .zip(self.days)
            .any(|((_, known), begins)| begins && *known == day)
    }
}

impl FromStr for Hours {
    type Err = NotHours;

    fn from_str(text: &str) -> Result<Self, NotHours> {
        let form = || NotHours::Form(text.to_owned());
        let mut words = text.split_whitespace();
        let first = words.next().ok_or_else(form)?;
        let (days, hours) = match first.starts_with(|c: char| c.is_ascii_digit()) {
            true => (None, Some(first)),
            false => (Some(first), words.next()),
        };
        if words.next().is_some() {
            return Err(form());
        }
        let days = match days {
            Some(days) => days_of(days).ok_or_else(form)?,
            None => [true; 7],
        };
        let (from, to) = match hours {
            Some(hours) => {
                let (from, to) = hours.split_once('-').ok_or_else(form)?;
                let from = minutes_of(from).filter(|from| *from < MINUTES_A_DAY);
                (from.ok_or_else(form)?, minutes_of(to).ok_or_else(form)?)
            }
            None => (0, MINUTES_A_DAY),
        };
        if from == to {
            return Err(NotHours::Empty(text.to_owned()));
        }
        Ok(Self { days, from, to })
    }
}

/// Days such as `Mon`, `Mon-Fri` or `Sat,Sun`; a row may go over the end of the week.
fn days_of(text: &str) -> Option<[bool; 7]> {
    let place = |name: &str| DAYS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for row in text.split(',') {
        let (first, last) = row.split_once('-').unwrap_or((row, row));
        let (mut at, last) = (place(first)?, place(last)?);
        *days.get_mut(at)? = true;
        while at != last {
            at = (at + 1) % DAYS.len();
            *days.get_mut(at)? = true;
        }
    }
    Some(days)
}

/// `22:00` as minutes after midnight, `24:00` among them.
fn minutes_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_written_out = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_written_out.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let sum = hours * 60 + minutes;
    (minutes < 60 && sum <= MINUTES_A_DAY).then_some(sum)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = (self.from, self.to) == (0, MINUTES_A_DAY);
        let names: Vec<&str> = DAYS
            .iter()
            .zip(self.days)
            .filter_map(|((name, _), begins)| begins.then_some(*name))
            .collect();
        let days = match names.len() {
            7 => "Mon-Sun".to_owned(),
            _ => names.join(","),
        };
        let hour = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let hours = || format!("{}-{}", hour(self.from), hour(self.to));
        match (names.len(), is_whole) {
            (_, true) => f.write_str(&days),
            (7, false) => f.write_str(&hours()),
            (_, false) => write!(f, "{days} {}", hours()),
        }
    }
}

impl TryFrom<String> for Hours {
    type Error = NotHours;

    fn try_from(text: String) -> Result<Self, NotHours> {
        text.parse()
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first)?,
            false => write!(f, "{}/{}", self.first, self.last)?,
        }
        match self.why.as_str() {
            "" => Ok(()),
            why => write!(f, " {why}"),
        }
    }
}

/// The days that a calendar closes: on each line a day, or a first and a last one with `/` between, and what else stands there
/// is the reason. Empty lines, and what follows a `#`, say nothing.
///
/// # Errors
/// At the first line that says something else.
pub fn calendar(text: &str) -> Result<Vec<Closed>, NotACalendar> {
    let lines = text.lines().enumerate();
    let said = lines.filter_map(|(at, line)| {
        let line = line.split('#').next().unwrap_or_default().trim();
        (!line.is_empty()).then_some((at + 1, line))
    });
    said.map(|(line, said)| closed(said).map_err(|what| NotACalendar { line, what }))
        .collect()
}

fn closed(line: &str) -> Result<Closed, String> {
    let (days, why) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let day = |text: &str| {
        let day = (text.len() == "2026-12-24".len())
            .then(|| text.parse::<Date>().ok())
            .flatten();
        day.ok_or_else(|| format!("`{text}` is no day such as 2026-12-24"))
    };
    let (first, last) = days.split_once('/').unwrap_or((days, days));
    let (first, last) = (day(first)?, day(last)?);
    if last < first {
        return Err(format!("{last} comes before {first}"));
    }
    Ok(Closed {
        first,
        last,
        why: why.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(zone: &str, hours: &[&str], days: &str) -> Window {
        Window {
            zone: zone.parse().unwrap(),
            not_before: None,
            not_after: None,
            hours: hours.iter().map(|hours| hours.parse().unwrap()).collect(),
            closed: calendar(days).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The next openings, each with its closing, up to so many.
    fn openings(window: &Window, from: &str, count: usize) -> Vec<String> {
        let mut from = at(from);
        let mut found = Vec::new();
        while let Some(opens) = window.opens(from).filter(|_| found.len() < count) {
            let Some(closes) = window.closes(opens) else {
                found.push(format!("{opens} on"));
                break;
            };
            found.push(format!("{opens} {closes}"));
            from = closes;
        }
        found
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let nights = window("UTC", &["Fri,Sat 22:00-04:00"], "");
        assert_eq!(
            openings(&nights, "2026-12-01T00:00Z", 3),
            [
                "2026-12-04T22:00:00Z 2026-12-05T04:00:00Z",
                "2026-12-05T22:00:00Z 2026-12-06T04:00:00Z",
                "2026-12-11T22:00:00Z 2026-12-12T04:00:00Z",
            ]
        );
    }

    #[test]
    fn a_day_of_the_calendar_cuts_a_night_in_two_and_a_long_one_is_passed_over() {
        let nights = window(
            "UTC",
            &["Fri,Sat 22:00-04:00"],
            "2026-12-05 audit\n# none\n\n2026-12-06/2027-12-31",
        );
        assert_eq!(
            openings(&nights, "2026-12-01T00:00Z", 2),
            [
                "2026-12-04T22:00:00Z 2026-12-05T00:00:00Z",
                "2028-01-01T00:00:00Z 2028-01-01T04:00:00Z",
            ]
        );
    }

    #[test]
    fn hours_that_clocks_skip_do_not_come_and_hours_that_come_twice_are_open_twice() {
        let skipped = window("Europe/Berlin", &["Sun 02:00-03:00"], "");
        assert_eq!(
            openings(&skipped, "2027-03-22T00:00Z", 1),
            ["2027-04-04T00:00:00Z 2027-04-04T01:00:00Z"],
            "on 28 March clocks go from 2 to 3"
        );
        let cut = window("Europe/Berlin", &["Sun 02:30-05:00"], "");
        assert_eq!(
            openings(&cut, "2027-03-22T00:00Z", 1),
            ["2027-03-28T01:00:00Z 2027-03-28T03:00:00Z"]
        );
        let twice = window("Europe/Berlin", &["Sun 02:15-02:45"], "");
        assert_eq!(
            openings(&twice, "2026-10-25T00:00Z", 2),
            [
                "2026-10-25T00:15:00Z 2026-10-25T00:45:00Z",
                "2026-10-25T01:15:00Z 2026-10-25T01:45:00Z",
            ]
        );
        let no_midnight = window("America/Sao_Paulo", &["Sun"], "");
        assert_eq!(
            openings(&no_midnight, "2018-11-03T12:00Z", 1),
            ["2018-11-04T03:00:00Z 2018-11-05T02:00:00Z"],
            "the day begins at one o'clock"
        );
    }

    #[test]
    fn between_two_instants_and_never_again() {
        let mut once = window("UTC", &[], "");
        once.not_before = Some(at("2026-12-05T22:00Z"));
        assert_eq!(openings(&once, "2026-12-01T00:00Z", 2), ["2026-12-05T22:00:00Z on"]);
        once.not_after = Some(at("2026-12-06T04:00Z"));
        assert_eq!(
            openings(&once, "2026-12-01T00:00Z", 2),
            ["2026-12-05T22:00:00Z 2026-12-06T04:00:00Z"]
        );
        once.closed = calendar("2026-12-05/2026-12-06").unwrap();
        assert_eq!(once.opens(at("2026-12-01T00:00Z")), None);
    }

    #[test]
    fn a_calendar_says_which_line_it_cannot_read() {
        let refused = |text: &str| calendar(text).unwrap_err().to_string();
        assert_eq!(
            refused("# freeze\n2026-12-24\n24.12.2026"),
            "line 3 of the calendar: `24.12.2026` is no day such as 2026-12-24"
        );
        assert_eq!(
            refused("2027-01-02/2026-12-24 new year"),
            "line 1 of the calendar: 2026-12-24 comes before 2027-01-02"
        );
        assert_eq!(
            refused("2026-02-30"),
            "line 1 of the calendar: `2026-02-30` is no day such as 2026-12-24"
        );
    }

    #[test]
    fn an_instant_is_one_instant() {
        let berlin: Zone = "europe/berlin".parse().unwrap();
        assert_eq!(berlin.to_string(), "Europe/Berlin");
        assert_eq!(berlin.instant("2026-12-05 22:00"), Ok(at("2026-12-05T21:00Z")));
        assert_eq!(berlin.instant("2026-12-05T22:00Z"), Ok(at("2026-12-05T22:00Z")));
        let refused = |text: &str| berlin.instant(text).unwrap_err().to_string();
        assert_eq!(
            refused("2027-03-28 02:30"),
            "clocks of Europe/Berlin never show `2027-03-28 02:30`, since they go forward over it"
        );
        assert_eq!(
            refused("2026-10-25 02:30"),
            "clocks of Europe/Berlin show `2026-10-25 02:30` twice, since they go back: write it with its offset, \
             `2026-10-25T02:30+02` or `2026-10-25T02:30+01`"
        );
        for text in ["2026-10-25T02:30+02", "2026-10-25T02:30+01"] {
            assert!(berlin.instant(text).is_ok(), "{text}");
        }
        for text in ["2026-12-05", "22:00", "tomorrow", "2026-12-05T22:00[Asia/Tokyo]", ""] {
            assert!(matches!(berlin.instant(text), Err(NotAnInstant::Form(_))), "{text}");
        }
    }

    #[test]
    fn what_says_no_hours_is_refused() {
        for text in [
            "",
            "Mo",
            "Mon-",
            "25:00-26:00",
            "24:00-04:00",
            "9:00-10:00",
            "9999:00-10:00",
            "09:00-65535:65535",
            "Mon 09:00",
            "Mon 09:00-10:00 x",
            "09:60-10:00",
        ] {
            assert!(matches!(text.parse::<Hours>(), Err(NotHours::Form(_))), "{text}");
        }
        assert!(matches!("09:00-09:00".parse::<Hours>(), Err(NotHours::Empty(_))));
        assert_eq!("fri-mon".parse::<Hours>().unwrap().to_string(), "Mon,Fri,Sat,Sun");
    }

    prop_compose! {
        fn hours()(days in prop::array::uniform7(any::<bool>()), from in 0..MINUTES_A_DAY, to in 0..=MINUTES_A_DAY) -> Option<Hours> {
            (days.contains(&true) && from != to).then_some(Hours { days, from, to })
        }
    }

    prop_compose! {
        fn windows()(
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata",
                "Africa/Casablanca", "Pacific/Apia",
            ]),
            // Around the days on which clocks of these zones are changed, some of them at midnight.
            day in prop::sample::select(vec![
                "2011-12-28", "2018-02-16", "2018-11-02", "2026-03-06", "2026-04-03", "2026-10-02", "2026-10-24", "2027-03-26",
            ]),
            hours in prop::collection::vec(hours(), 0..3),
            closed in prop::collection::vec((0_i64..9, 0_i64..3), 0..3),
            first in prop::option::of(0_i64..12_000),
            length in prop::option::of(1_i64..12_000),
            from in 0_i64..5_000,
        ) -> (Window, Timestamp) {
            let start: Date = day.parse().unwrap();
            let base = start.to_zoned(TimeZone::UTC).unwrap().timestamp();
            let later = |minutes: i64| base.checked_add(minutes.minutes()).unwrap();
            let closed = closed.into_iter().map(|(after, days)| {
                let first = start.checked_add(after.days()).unwrap();
                Closed { first, last: first.checked_add(days.days()).unwrap(), why: String::new() }
            });
            let window = Window {
                zone: zone.parse().unwrap(),
                not_before: first.map(later),
                not_after: length.map(|length| later(first.unwrap_or_default() + length)),
                hours: hours.into_iter().flatten().collect(),
                closed: closed.collect(),
            };
            (window, later(from))
        }
    }

    /// Whether clocks show an hour at which it is open, said once more and otherwise.
    fn by_the_clocks(window: &Window, at: Timestamp) -> bool {
        let local = at.to_zoned(window.zone.0.clone());
        let holds = |hours: &Hours| {
            let begins = |days_ago: i64| {
                let day = local.date().checked_sub(days_ago.days()).unwrap();
                let place = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap();
                let midnight = day.at(0, 0, 0, 0);
                let end = if hours.to > hours.from {
                    hours.to
                } else {
                    hours.to + MINUTES_A_DAY
                };
                let reach = |minutes: u16| midnight.checked_add(i64::from(minutes).minutes()).unwrap();
                hours.days[place] && reach(hours.from) <= local.datetime() && local.datetime() < reach(end)
            };
            begins(0) || begins(1)
        };
        window.not_before.is_none_or(|first| first <= at)
            && window.not_after.is_none_or(|after| at < after)
            && !window
                .closed
                .iter()
                .any(|closed| (closed.first..=closed.last).contains(&local.date()))
            && (window.hours.is_empty() || window.hours.iter().any(holds))
    }

    proptest! {
        #[test]
        fn hours_are_read_as_they_are_written(hours in hours()) {
            if let Some(hours) = hours {
                prop_assert_eq!(hours.to_string().parse::<Hours>(), Ok(hours));
            }
        }

        /// Minute by minute, through days on which clocks are changed.
        #[test]
        fn it_opens_and_closes_when_clocks_say_so((window, from) in windows()) {
            const MINUTES: i64 = 9 * 24 * 60;
            let minute = |minutes: i64| from.checked_add(minutes.minutes()).unwrap();
            let first = |wanted: bool| (0..MINUTES).map(minute).find(|at| by_the_clocks(&window, *at) == wanted);
            let end = minute(MINUTES);
            prop_assert_eq!(window.opens(from).filter(|at| *at < end), first(true));
            prop_assert_eq!(window.closes(from).filter(|at| *at < end), first(false));
        }

        #[test]
        fn it_is_stored_as_it_is((window, _) in windows()) {
            let stored = serde_json::to_string(&window).unwrap();
            prop_assert_eq!(serde_json::from_str::<Window>(&stored).unwrap(), window);
        }
    }
}
