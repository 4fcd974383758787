//! A report of what was moved: what Azure tells of each attempt, and the runs that the state remembers. Lag and rate over time are
//! not in it, since nobody keeps them.

pub(crate) mod html;
pub(crate) mod markdown;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::HistoryEntry;

use super::history::ended;
use super::time::{between, instant, length};
use crate::address::UnitAddress;
use crate::arm::migration::{DatabaseProgress, Ending, Migration};

/// Everything that a report says.
pub(crate) struct ReportView {
    /// Attempts in the order of units, then as they were made.
    pub(crate) attempts: Vec<Attempt>,
    /// What is remembered and nowhere to be read.
    pub(crate) missing: Vec<String>,
    /// What cannot be known, in sentences.
    pub(crate) notes: Vec<String>,
    /// The runs, oldest first.
    pub(crate) history: Vec<HistoryEntry>,
    /// Now, by the cloud's clock.
    pub(crate) now: Timestamp,
    /// Whether nothing of this is real.
    pub(crate) is_simulated: bool,
}

/// One attempt of a migration.
pub(crate) struct Attempt {
    /// Its unit.
    pub(crate) unit: UnitAddress,
    /// Which attempt it is, from 1.
    pub(crate) number: u32,
    /// What Azure says of it.
    pub(crate) migration: Migration,
}

/// A span of time in the chart.
pub(super) struct Bar {
    /// What it belongs to.
    pub(super) label: String,
    /// From when.
    pub(super) from: Timestamp,
    /// Until when; until now, where it is not over.
    pub(super) until: Timestamp,
    /// What it is.
    pub(super) kind: BarKind,
}

/// What a span of time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BarKind {
    /// A migration that arrived.
    Arrived,
    /// One that did not.
    Lost,
    /// One that is on its way.
    Running,
    /// A database in it.
    Database,
}

impl ReportView {
    /// How many databases have arrived, and how many were to.
    pub(super) fn arrived(&self) -> (usize, usize) {
        let mut numbers = (0, 0);
        for attempts in self.attempts.chunk_by(|one, other| one.unit == other.unit) {
            let names = attempts.iter().flat_map(|attempt| &attempt.migration.databases);
            let names: BTreeSet<&String> = names.collect();
            let arrived = |name: &&&String| attempts.iter().any(|attempt| attempt.migration.has_arrived(name));
            numbers.0 += names.iter().filter(arrived).count();
            numbers.1 += names.len();
        }
        numbers
    }

    /// The chart: each attempt, and the databases in it.
    pub(super) fn bars(&self) -> Vec<Bar> {
        let mut bars = Vec::new();
        for attempt in &self.attempts {
            let migration = &attempt.migration;
            let Some(from) = migration.started else { continue };
            bars.push(Bar {
                label: format!("{} {}", attempt.unit, migration.id.name()),
                from,
                until: migration.ended.unwrap_or(self.now),
                kind: match migration.state.ending() {
                    None => BarKind::Running,
                    Some(Ending::Succeeded) => BarKind::Arrived,
                    Some(Ending::Failed | Ending::ValidationFailed | Ending::Canceled) => BarKind::Lost,
                },
            });
            for name in &migration.databases {
                let Some(progress) = migration.progress.get(name) else {
                    continue;
                };
                let Some(from) = progress.started else { continue };
                bars.push(Bar {
                    label: name.clone(),
                    from,
                    until: progress.ended.unwrap_or(self.now),
                    kind: BarKind::Database,
                });
            }
        }
        bars
    }

    /// The instants that the chart lies between.
    pub(super) fn frame(bars: &[Bar]) -> Option<(Timestamp, Timestamp)> {
        let from = bars.iter().map(|bar| bar.from).min()?;
        let until = bars.iter().map(|bar| bar.until).max()?;
        Some((from, until.max(from)))
    }
}

impl Attempt {
    /// How long it took, or takes so far.
    pub(super) fn took(&self, now: Timestamp) -> Option<Duration> {
        let started = self.migration.started?;
        Some(between(started, self.migration.ended.unwrap_or(now)))
    }

    /// The cells of its row: when, how long, how it ended.
    pub(super) fn cells(&self, now: Timestamp) -> [String; 7] {
        let migration = &self.migration;
        let arrived = migration.databases.iter().filter(|name| migration.has_arrived(name));
        let at = |instants: Option<Timestamp>| instants.map_or_else(|| "unknown".to_owned(), instant);
        [
            self.unit.to_string(),
            migration.id.name().to_owned(),
            migration.state.to_string(),
            migration.mode.to_string(),
            format!("{} of {}", arrived.count(), migration.databases.len()),
            at(migration.started),
            self.took(now).map_or_else(|| "unknown".to_owned(), length),
        ]
    }
}

/// Headings of [`Attempt::cells`].
pub(super) const ATTEMPTS: [&str; 7] = ["Unit", "Migration", "State", "Mode", "Arrived", "Started", "Took"];

/// Headings of [`database`].
pub(super) const DATABASES: [&str; 8] = [
    "Database", "State", "Tables", "Failed", "Inserts", "Updates", "Deletes", "Lag",
];

/// The cells of a database's row. What Azure does not tell is unknown, never nothing.
pub(super) fn database(name: &str, progress: Option<&DatabaseProgress>) -> [String; 8] {
    let number = |counter: Option<u64>| counter.map_or_else(|| "?".to_owned(), |counter| counter.to_string());
    let Some(progress) = progress else {
        let unknown = || "?".to_owned();
        return [
            name.to_owned(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
        ];
    };
    let tables = match (progress.tables.completed, progress.tables.total()) {
        (Some(done), Some(all)) => format!("{done} of {all}"),
        (done, _) => number(done),
    };
    [
        name.to_owned(),
        progress.state.to_string(),
        tables,
        number(progress.tables.errored),
        number(progress.changes.inserts),
        number(progress.changes.updates),
        number(progress.changes.deletes),
        progress
            .latency
            .map_or_else(|| "?".to_owned(), |seconds| format!("{seconds} s")),
    ]
}

/// What was in the way of an attempt, or is worth knowing afterwards.
pub(super) fn remarks(migration: &Migration) -> Vec<String> {
    let mut remarks: Vec<String> = migration.error.iter().cloned().collect();
    remarks.extend(migration.remarks().map(|check| format!("validation: {check}")));
    let messages = migration.progress.iter();
    remarks.extend(messages.filter_map(|(name, progress)| Some(format!("{name}: {}", progress.message.as_ref()?))));
    remarks
}

/// A run in a sentence.
pub(super) fn run(entry: &HistoryEntry) -> [String; 4] {
    [
        instant(entry.started),
        entry.by.as_str().to_owned(),
        ended(entry),
        entry.summary.clone(),
    ]
}

/// Headings of [`run`].
pub(super) const RUNS: [&str; 4] = ["Begun", "By", "Outcome", "What"];
