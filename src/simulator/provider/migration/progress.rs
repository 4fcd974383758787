//! What a migration shows of itself: state, substate, counters that move with sizes and rates. Changes nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::run::{DatabaseRun, DatabaseState, End, Phase, Run, Wait};
use super::validation::details;
use super::{Mode, source};
use crate::simulator::clock::{elapsed, wire};
use crate::simulator::path::Key;
use crate::simulator::store::text;
use crate::simulator::world::World;

/// Tables that are copied at a time.
const LOADING: u32 = 4;

/// The migration as GET shows it now.
pub(crate) fn view(world: &World, key: &Key) -> Value {
    let Some(object) = world.store.get(key) else {
        return Value::Null;
    };
    let mut whole = object.body.whole();
    let Some(run) = object.run.as_deref() else {
        return Value::Object(whole);
    };
    let (state, _) = words(run);
    let status = json!({ "state": state, "currentSubStateDetails": substate(world, key, run, None) });
    if let Some(properties) = whole.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("currentStatus".to_owned(), status);
        if run.phase != Phase::Validating {
            properties.extend(metadata(world, key));
        }
    }
    Value::Object(whole)
}

/// State and substate of a phase.
pub(super) fn words(run: &Run) -> (&'static str, &'static str) {
    match run.phase {
        Phase::Validating => ("InProgress", "ValidationInProgress"),
        Phase::Prerequisites | Phase::SettingUpReplication => ("InProgress", "PerformingPreRequisiteSteps"),
        Phase::Waiting(Wait::LogicalReplication) => (
            "WaitingForUserAction",
            "WaitingForLogicalReplicationSetupRequestOnSourceDB",
        ),
        Phase::Waiting(Wait::Databases) => ("WaitingForUserAction", "WaitingForDBsToMigrateSpecification"),
        Phase::Waiting(Wait::Overwrite) => ("WaitingForUserAction", "WaitingForTargetDBOverwriteConfirmation"),
        Phase::Waiting(Wait::Scheduling) => ("WaitingForUserAction", "WaitingForDataMigrationScheduling"),
        Phase::Waiting(Wait::Window) => ("InProgress", "WaitingForDataMigrationWindow"),
        Phase::Copying => ("InProgress", "MigratingData"),
        Phase::WaitingForCutover => ("WaitingForUserAction", "WaitingForCutoverTrigger"),
        Phase::Completing => ("InProgress", "CompletingMigration"),
        Phase::Canceling => ("InProgress", "CancelingRequestedDBMigrations"),
    }
}

/// The status that a migration keeps once it has ended.
pub(super) fn final_status(world: &World, key: &Key, run: &Run, end: End, error: Option<String>) -> Value {
    let mut status = json!({ "state": end.word(), "currentSubStateDetails": substate(world, key, run, Some(end)) });
    if let (Some(error), Some(fields)) = (error, status.as_object_mut()) {
        fields.insert("error".to_owned(), json!(error));
    }
    status
}

fn substate(world: &World, key: &Key, run: &Run, end: Option<End>) -> Value {
    let mode = Mode::of(&world.properties(key));
    let (_, word) = words(run);
    let databases: Map<String, Value> = run
        .databases
        .iter()
        .map(|database| (database.name.clone(), counters(world, run, database, mode)))
        .collect();
    let mut all = json!({ "currentSubState": if end.is_some() { "Completed" } else { word }, "dbDetails": databases });
    if let (Some(validated), Some(fields)) = (&run.validation, all.as_object_mut()) {
        let shown = details(&validated.outcome, &wire(validated.started), &wire(validated.ended));
        fields.insert("validationDetails".to_owned(), shown);
    }
    all
}

fn counters(world: &World, run: &Run, database: &DatabaseRun, mode: Mode) -> Value {
    let now = run.frozen.map_or(world.now, |frozen| frozen.min(world.now));
    let (state, ended, message) = match &database.state {
        DatabaseState::Running if now < database.copy_until => ("InProgress", None, None),
        DatabaseState::Running if mode == Mode::Online => ("WaitingForCutoverTrigger", None, None),
        DatabaseState::Running => ("Succeeded", Some(database.copy_until), None),
        DatabaseState::CuttingOver => ("InProgress", None, None),
        DatabaseState::Canceling => ("Canceling", None, None),
        DatabaseState::Succeeded(at) => ("Succeeded", Some(*at), None),
        DatabaseState::Canceled(at) => ("Canceled", Some(*at), None),
        DatabaseState::Failed(at, message) => ("Failed", Some(*at), Some(message)),
    };
    let at = ended.map_or(now, |ended| ended.min(now));
    let tables = tables(database, at);
    let changes = match mode {
        Mode::Online => changes(world, database, at),
        Mode::Offline => Changes::default(),
    };
    let mut all = json!({
        "databaseName": database.name, "migrationState": state, "startedOn": wire(run.entered.min(database.copy_from)),
        "fullLoadQueuedTables": tables.queued, "fullLoadErroredTables": tables.errored,
        "fullLoadLoadingTables": tables.loading, "fullLoadCompletedTables": tables.completed,
        "cdcInsertCounter": whole(changes.applied * 0.6), "cdcUpdateCounter": whole(changes.applied * 0.3),
        "cdcDeleteCounter": whole(changes.applied * 0.1), "incomingChanges": whole(changes.incoming),
        "appliedChanges": whole(changes.applied), "latency": whole(changes.latency)
    });
    if let Some(fields) = all.as_object_mut() {
        fields.insert("startedOn".to_owned(), json!(wire(database.copy_from.min(world.now))));
        if let Some(ended) = ended {
            fields.insert("endedOn".to_owned(), json!(wire(ended)));
        }
        if let Some(message) = message {
            fields.insert("message".to_owned(), json!(message));
        }
    }
    all
}

struct Tables {
    queued: u32,
    loading: u32,
    completed: u32,
    errored: u32,
}

/// Tables are copied one after the other, a few at a time.
fn tables(database: &DatabaseRun, at: Timestamp) -> Tables {
    let failed = matches!(database.state, DatabaseState::Failed(..));
    let all = database.tables;
    let share = share(database, at);
    let completed = if share >= 1.0 { all } else { portion(all, share) };
    let running = if share > 0.0 && share < 1.0 {
        LOADING.min(all - completed)
    } else {
        0
    };
    let errored = if failed { running.min(1) } else { 0 };
    let loading = if failed { 0 } else { running };
    Tables {
        queued: all - completed - loading - errored,
        loading,
        completed,
        errored,
    }
}

/// How much of a database is copied: 0 to 1.
fn share(database: &DatabaseRun, at: Timestamp) -> f64 {
    if at >= database.copy_until {
        return 1.0;
    }
    let whole = elapsed(database.copy_from, database.copy_until).as_secs_f64();
    elapsed(database.copy_from, at).as_secs_f64() / whole.max(f64::MIN_POSITIVE)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share below one of a u32 is a u32"
)]
fn portion(all: u32, share: f64) -> u32 {
    (f64::from(all) * share.clamp(0.0, 1.0)).floor() as u32
}

#[derive(Default)]
struct Changes {
    incoming: f64,
    applied: f64,
    latency: f64,
}

/// Changes come in from the start of the copy and are replayed after its end, faster than they come.
fn changes(world: &World, database: &DatabaseRun, at: Timestamp) -> Changes {
    let done = matches!(database.state, DatabaseState::Succeeded(_));
    let rate = database.change_rate.max(0.0);
    let incoming = rate * elapsed(database.copy_from, at).as_secs_f64();
    let applied = if done {
        incoming
    } else {
        incoming.min(applied(world, database, at))
    };
    let latency = match () {
        () if done || rate <= 0.0 && at >= database.copy_until => 0.0,
        () if at < database.copy_until => elapsed(database.copy_from, at).as_secs_f64(),
        () => (incoming - applied) / rate,
    };
    Changes {
        incoming,
        applied,
        latency,
    }
}

fn applied(world: &World, database: &DatabaseRun, at: Timestamp) -> f64 {
    world.options.apply_changes_per_s.max(0.0) * elapsed(database.copy_until, at).as_secs_f64()
}

/// How long the replay of what is pending takes at a cutover.
pub(super) fn backlog(world: &World, run: &Run) -> Duration {
    let cutting = run
        .databases
        .iter()
        .filter(|database| database.state == DatabaseState::CuttingOver);
    let pending = cutting.map(|database| {
        let changes = changes(world, database, world.now);
        (changes.incoming - changes.applied) / world.options.apply_changes_per_s.max(1.0)
    });
    Duration::try_from_secs_f64(pending.fold(0.0, f64::max)).unwrap_or_default()
}

/// The counters of the service are 32-bit integers.
#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of i32")]
fn whole(number: f64) -> i32 {
    number.clamp(0.0, f64::from(i32::MAX)).floor() as i32
}

fn metadata(world: &World, key: &Key) -> Map<String, Value> {
    let properties = world.properties(key);
    let target = Key::of(text(&properties, "/targetDbServerResourceId").unwrap_or_default());
    let mut all = Map::new();
    if let Some(server) = world.store.get(&target) {
        let (envelope, of_server) = (Value::Object(server.body.envelope()), world.properties(&target));
        let storage = of_server
            .pointer("/storage/storageSizeGB")
            .and_then(Value::as_u64)
            .unwrap_or_default()
            * 1024;
        let shown = json!({ "location": envelope["location"], "version": of_server["version"], "storageMb": storage, "sku": envelope["sku"] });
        all.insert("targetDbServerMetadata".to_owned(), without_nulls(shown));
    }
    if let Some(source) = source::find(world, &properties) {
        // Recorded: the service knows the location of the target only and repeats it.
        all.insert(
            "sourceDbServerMetadata".to_owned(),
            json!({ "version": source.version, "sku": {} }),
        );
    }
    all
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, field)| !field.is_null()).collect()),
        other => other,
    }
}
