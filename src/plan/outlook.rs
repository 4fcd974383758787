//! How long migrations may take, by those that have ended before: from the same source to the same target, in the same mode and
//! with the same option. Azure tells no sizes, so nothing else is known, and where none has ended nothing is. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::step::{Op, Step};
use crate::address::UnitAddress;
use crate::arm::migration::{Ending, Migration, MigrationMode, MigrationOption};
use crate::arm::{ArmId, Body, Draft, SourceServer};
use crate::observed::Observed;
use crate::window::Window;

/// What is known of the time that a migration takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// When Azure started it; `None` where it is still to be started, or Azure does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// How long its like took; `None` where none has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<Experience>,
    /// When the window of its start opens, where it was closed when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_from: Option<Timestamp>,
    /// When the window of its cutover opens, where it is closed when the plan was made or the start is let through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutover_from: Option<Timestamp>,
}

/// How long ended migrations took, from their start to their end. The wait for a cutover is a part of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experience {
    /// How many they are.
    pub migrations: usize,
    /// The shortest.
    pub shortest: Duration,
    /// The one in the middle; of an even number the longer one.
    pub middle: Duration,
    /// The longest.
    pub longest: Duration,
}

/// What makes migrations alike.
type Likeness = (ArmId, SourceServer, MigrationMode, MigrationOption);

/// What is known of each unit that is a migration. Units of which nothing is known are not among them.
pub(super) fn of(steps: &[Step], observed: &Observed, now: Timestamp) -> BTreeMap<UnitAddress, Outlook> {
    let mut known: BTreeMap<Likeness, Option<Experience>> = BTreeMap::new();
    let mut outlooks: BTreeMap<UnitAddress, Outlook> = BTreeMap::new();
    for step in steps {
        let outlook = match &step.op {
            Op::Start {
                migration,
                body,
                window,
                ..
            } => {
                let like = likeness(migration, body).and_then(|likeness| {
                    let experience = known
                        .entry(likeness)
                        .or_insert_with_key(|likeness| experience(likeness, observed));
                    experience.clone()
                });
                let outlook = Outlook {
                    like,
                    starts_from: window.as_ref().and_then(|window| still_closed(window, now)),
                    ..Outlook::default()
                };
                (outlook != Outlook::default()).then_some(outlook)
            }
            Op::Await(watched) => started(&watched.migration, observed).map(|started| Outlook {
                started: Some(started),
                ..Outlook::default()
            }),
            Op::Gate(gate) => {
                let before = outlooks.get(&step.unit).and_then(|outlook| outlook.starts_from);
                let opens = gate.window.as_ref();
                let opens = opens.and_then(|window| still_closed(window, before.unwrap_or(now)));
                if let Some(opens) = opens {
                    outlooks.entry(step.unit.clone()).or_default().cutover_from = Some(opens);
                }
                None
            }
            Op::Put { .. } | Op::Delete { .. } | Op::Cutover { .. } | Op::Note => None,
        };
        if let Some(outlook) = outlook {
            // What is started stands before what is watched.
            outlooks.entry(step.unit.clone()).or_insert(outlook);
        }
    }
    outlooks
}

/// When a window opens that is closed at this instant.
fn still_closed(window: &Window, at: Timestamp) -> Option<Timestamp> {
    window.opens(at).filter(|opens| *opens > at)
}

fn likeness(migration: &ArmId, body: &Body<Draft>) -> Option<Likeness> {
    let text = |name: &str| match body.get(&["properties", name])? {
        Body::Text(text) => Some(text),
        Body::Null
        | Body::Bool(_)
        | Body::Number(_)
        | Body::Secret(_)
        | Body::List(_)
        | Body::Object(_)
        | Body::Open(_) => None,
    };
    Some((
        migration.parent()?,
        SourceServer::of(text("sourceDbServerResourceId")?),
        MigrationMode::read(text("migrationMode")?),
        MigrationOption::read(text("migrationOption")?),
    ))
}

fn experience((target, source, mode, option): &Likeness, observed: &Observed) -> Option<Experience> {
    let is_like = |migration: &&Migration| {
        migration.state.ending() == Some(Ending::Succeeded)
            && SourceServer::of(&migration.source) == *source
            && migration.mode == *mode
            && migration.option == *option
    };
    let took = |migration: &Migration| Duration::try_from(migration.ended?.duration_since(migration.started?)).ok();
    let migrations = observed.migrations(target).iter();
    let mut lengths: Vec<Duration> = migrations.filter(is_like).filter_map(took).collect();
    lengths.sort_unstable();
    Some(Experience {
        migrations: lengths.len(),
        shortest: *lengths.first()?,
        middle: *lengths.get(lengths.len() / 2)?,
        longest: *lengths.last()?,
    })
}

/// When a migration was started that still runs.
fn started(id: &ArmId, observed: &Observed) -> Option<Timestamp> {
    let target = id.parent()?;
    let mut migrations = observed.migrations(&target).iter();
    let running = migrations.find(|migration| migration.id == *id && migration.state.ending().is_none())?;
    running.started
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const TARGET: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-t";

    fn migration(name: &str, change: impl FnOnce(&mut Json)) -> Migration {
        let mut object = json!({ "properties": {
            "sourceDbServerResourceId": "10.1.0.4:5432@migrator",
            "migrationMode": "Online",
            "migrationOption": "ValidateAndMigrate",
            "currentStatus": { "state": "Succeeded" },
            "migrationWindowStartTimeInUtc": "2026-11-01T00:00:00Z",
            "migrationWindowEndTimeInUtc": "2026-11-01T01:00:00Z",
        }});
        change(&mut object["properties"]);
        Migration::read(TARGET.parse::<ArmId>().unwrap().child("migrations", name), &object)
    }

    #[test]
    fn only_what_is_alike_and_went_well_is_experience() {
        let ended = |at: &str| {
            let at = format!("2026-11-01T{at}:00Z");
            move |properties: &mut Json| properties["migrationWindowEndTimeInUtc"] = at.into()
        };
        let with =
            |name: &'static str, value: &'static str| move |properties: &mut Json| properties[name] = value.into();
        let migrations = vec![
            migration("a", ended("00:30")),
            migration("b", ended("00:20")),
            migration("c", ended("02:00")),
            migration("backwards", |properties| {
                properties["migrationWindowEndTimeInUtc"] = "2026-10-01T00:00:00Z".into();
            }),
            migration("elsewhere", with("sourceDbServerResourceId", "10.9.9.9:5432@migrator")),
            migration("offline", with("migrationMode", "Offline")),
            migration("validation", with("migrationOption", "Validate")),
            migration("failed", |properties| {
                properties["currentStatus"]["state"] = "Failed".into()
            }),
        ];
        let target: ArmId = TARGET.parse().unwrap();
        let likeness = (
            target.clone(),
            SourceServer::of("10.1.0.4:5432@somebody"),
            MigrationMode::Online,
            MigrationOption::ValidateAndMigrate,
        );
        let mut observed = Observed::default();
        assert_eq!(experience(&likeness, &observed), None, "nothing has ended");
        observed.insert_migrations(target, migrations);
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(
            experience(&likeness, &observed),
            Some(Experience {
                migrations: 3,
                shortest: minutes(20),
                middle: minutes(30),
                longest: minutes(120),
            })
        );
    }
}
