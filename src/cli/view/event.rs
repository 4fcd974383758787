//! What happens to migrations, told by what differs between two looks: one event for each change, with what was before and after.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::status::{Row, Seen, StatusView};
use super::time::between;
use crate::address::UnitAddress;
use crate::arm::migration::{DatabaseProgress, DatabaseState, Ending, Migration, Substate, Verdict};

/// Counts of one migration are told at most once in so much of the cloud's time, and at its end.
const COUNTS: Duration = Duration::from_secs(60);

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another attempt, or the first that is seen.
    Migration,
    /// The state of the migration.
    State,
    /// What it is doing.
    Substate,
    /// The state of one database.
    DatabaseState,
    /// The verdict of the validation.
    Validation,
    /// The verdict of one of its checks.
    ValidationCheck,
    /// How far it is.
    Counts,
    /// What the service says went wrong.
    Error,
    /// Whether Azure tells of it.
    Visibility,
    /// It is over.
    Ended,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// When, by the service where it tells, or else when it was seen; both by the cloud's clock.
    at: Timestamp,
    is_told: bool,
    unit: UnitAddress,
    migration: String,
    kind: Kind,
    database: Option<String>,
    check: Option<String>,
    before: Json,
    after: Json,
}

/// What was told so far.
#[derive(Default)]
pub(crate) struct Chronicle(BTreeMap<UnitAddress, Known>);

struct Known {
    name: String,
    visibility: &'static str,
    migration: Option<Migration>,
    counts: Json,
    counted: Timestamp,
}

impl Kind {
    /// As the schema has it.
    fn word(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::State => "state",
            Self::Substate => "substate",
            Self::DatabaseState => "database_state",
            Self::Validation => "validation",
            Self::ValidationCheck => "validation_check",
            Self::Counts => "counts",
            Self::Error => "error",
            Self::Visibility => "visibility",
            Self::Ended => "ended",
        }
    }
}

impl Event {
    /// As one object of the stream; `pgferry schema events` is its form.
    pub(crate) fn json(&self) -> Json {
        let mut object = json!({
            "format_version": 1,
            "time": self.at.to_string(),
            "time_from": if self.is_told { "azure" } else { "seen" },
            "address": self.unit,
            "migration": self.migration,
            "event": self.kind.word(),
            "before": self.before,
            "after": self.after,
        });
        if let Some(database) = &self.database {
            object["database"] = json!(database);
        }
        if let Some(check) = &self.check {
            object["check"] = json!(check);
        }
        object
    }
}

impl Chronicle {
    /// What has changed since the last look. What is seen for the first time has changed from nothing.
    pub(crate) fn note(&mut self, view: &StatusView) -> Vec<Event> {
        view.rows.iter().flat_map(|row| self.row(row, view.now)).collect()
    }

    fn row(&mut self, row: &Row, now: Timestamp) -> Vec<Event> {
        let known = self.0.remove(&row.unit);
        let (name, visibility) = match &row.seen {
            Seen::Migration(migration) => (migration.id.name().to_owned(), "visible"),
            Seen::Missing(name) => (name.clone(), "missing"),
            // The list of its target tells no name now.
            Seen::Unreadable(_) => (
                known.as_ref().map_or_else(String::new, |known| known.name.clone()),
                "unreadable",
            ),
        };
        let is_same = known.as_ref().is_some_and(|known| known.name == name);
        let mut telling = Telling {
            now,
            unit: &row.unit,
            name: &name,
            events: Vec::new(),
        };
        if !is_same && !name.is_empty() {
            let before = known.as_ref().map(|known| &known.name).filter(|name| !name.is_empty());
            let started = match &row.seen {
                Seen::Migration(migration) => migration.started,
                Seen::Missing(_) | Seen::Unreadable(_) => None,
            };
            telling.tell(Kind::Migration, started, json!(before), json!(name));
        }
        let before = known.as_ref().map_or("visible", |known| known.visibility);
        if before != visibility {
            telling.tell(Kind::Visibility, None, json!(before), json!(visibility));
        }
        let (known, counts, counted) = match known {
            Some(known) if is_same => (known.migration, known.counts, known.counted),
            Some(_) | None => (None, Json::Null, Timestamp::MIN),
        };
        let mut next = Known {
            visibility,
            migration: known,
            counts,
            counted,
            name: String::new(),
        };
        if let Seen::Migration(migration) = &row.seen {
            telling.changes(&mut next, migration);
            next.migration = Some((**migration).clone());
        }
        let events = telling.events;
        next.name = name;
        self.0.insert(row.unit.clone(), next);
        events
    }
}

struct Telling<'a> {
    now: Timestamp,
    unit: &'a UnitAddress,
    name: &'a str,
    events: Vec<Event>,
}

impl Telling<'_> {
    fn tell(&mut self, kind: Kind, told: Option<Timestamp>, before: Json, after: Json) {
        self.tell_of((None, None), kind, told, before, after);
    }

    fn tell_of(
        &mut self,
        (database, check): (Option<&str>, Option<&str>),
        kind: Kind,
        told: Option<Timestamp>,
        before: Json,
        after: Json,
    ) {
        self.events.push(Event {
            at: told.unwrap_or(self.now),
            is_told: told.is_some(),
            unit: self.unit.clone(),
            migration: self.name.to_owned(),
            kind,
            database: database.map(str::to_owned),
            check: check.map(str::to_owned),
            before,
            after,
        });
    }

    fn changes(&mut self, known: &mut Known, after: &Migration) {
        let before = known.migration.as_ref();
        let ended = after.ended.filter(|_| after.state.ending().is_some());
        let mut differ = |kind, told, before: Json, after: Json| {
            if before != after {
                self.tell(kind, told, before, after);
            }
        };
        let was = |of: fn(&Migration) -> Json| before.map_or(Json::Null, of);
        let state = |migration: &Migration| json!(migration.state.as_str());
        let substate = |migration: &Migration| json!(migration.substate.as_ref().map(Substate::as_str));
        let verdict = |migration: &Migration| {
            let verdict = migration
                .validation
                .as_ref()
                .and_then(|validation| validation.verdict.as_ref());
            json!(verdict.map(Verdict::as_str))
        };
        let error = |migration: &Migration| json!(migration.error);
        differ(Kind::State, ended, was(state), state(after));
        differ(Kind::Substate, None, was(substate), substate(after));
        differ(Kind::Validation, None, was(verdict), verdict(after));
        differ(Kind::Error, None, was(error), error(after));
        self.checks(before, after);
        for (name, progress) in &after.progress {
            let was = before.and_then(|before| before.progress.get(name));
            let state = |progress: &DatabaseProgress| json!(progress.state.as_str());
            if was.is_none_or(|was| was.state != progress.state) {
                let (before, after) = (was.map_or(Json::Null, state), state(progress));
                self.tell_of((Some(name), None), Kind::DatabaseState, moment(progress), before, after);
            }
        }
        let is_news = before.is_none_or(|before| before.state.ending().is_none());
        let ending = after.state.ending().filter(|_| is_news);
        let counts = counts(after);
        let is_due = ending.is_some() || known.counted == Timestamp::MIN || between(known.counted, self.now) >= COUNTS;
        if is_due && counts != known.counts {
            let before = std::mem::replace(&mut known.counts, counts.clone());
            known.counted = self.now;
            self.tell(Kind::Counts, None, before, counts);
        }
        if let Some(ending) = ending {
            self.tell(Kind::Ended, ended, Json::Null, json!(outcome(ending)));
        }
    }

    fn checks(&mut self, before: Option<&Migration>, after: &Migration) {
        let all = |migration: Option<&Migration>| {
            let checks = migration.and_then(|migration| migration.validation.as_ref());
            let checks = checks.into_iter().flat_map(|validation| validation.checks.clone());
            let named = checks.map(|check| {
                let found = json!({ "verdict": check.verdict.as_str(), "messages": check.messages });
                ((check.database, check.name), found)
            });
            named.collect::<BTreeMap<_, _>>()
        };
        let was = all(before);
        for ((database, name), found) in all(Some(after)) {
            let before = was.get(&(database.clone(), name.clone()));
            if before != Some(&found) {
                let about = (database.as_deref(), Some(name.as_str()));
                self.tell_of(about, Kind::ValidationCheck, None, json!(before), found);
            }
        }
    }
}

/// When the service says that a database came into the state that it is in.
fn moment(progress: &DatabaseProgress) -> Option<Timestamp> {
    match progress.state {
        DatabaseState::InProgress => progress.started,
        DatabaseState::Failed | DatabaseState::Canceled | DatabaseState::Succeeded => progress.ended,
        DatabaseState::WaitingForCutover | DatabaseState::Canceling | DatabaseState::Other(_) => None,
    }
}

/// What the service does not tell is `null`.
fn counts(migration: &Migration) -> Json {
    let applied = migration
        .progress
        .values()
        .filter_map(|database| database.changes.applied);
    let applied = applied.reduce(u64::saturating_add);
    json!({
        "databases": migration.databases.len(),
        "databases_arrived": migration.arrived(),
        "tables": migration.tables(),
        "tables_copied": migration.tables_copied(),
        "changes_applied": applied,
        "lag_seconds": migration.largest_lag().map(|lag| lag.as_secs()),
    })
}

fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Succeeded => "succeeded",
        Ending::Failed => "failed",
        Ending::ValidationFailed => "validation_failed",
        Ending::Canceled => "canceled",
    }
}
