//! A migration on its way: its phases, what ends each, and what a user may do in it (contract 5.4).
//! Reads no clock: it is told when its time has come.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::database;
use super::source::{self, Credentials};
use super::validation::{Validation, Verdict, validate};
use super::{Mode, invalid, progress};
use crate::simulator::clock::{self, later};
use crate::simulator::fault::{MigrationFault, WaitFor};
use crate::simulator::options::{Leftovers, Switch};
use crate::simulator::path::Key;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{text, texts};
use crate::simulator::world::{Event, World};

/// What drives a migration that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(super) started: Timestamp,
    expires: Timestamp,
    pub(super) phase: Phase,
    pub(super) entered: Timestamp,
    due: Option<Timestamp>,
    credentials: Credentials,
    window: Option<Timestamp>,
    pub(super) validation: Option<Validated>,
    pub(super) databases: Vec<DatabaseRun>,
    /// Counters stand still from then on.
    pub(super) frozen: Option<Timestamp>,
    /// The end of the wait for a cutover.
    cutover_deadline: Option<Timestamp>,
    faults: Vec<MigrationFault>,
    /// Waits that the user has answered.
    answered: BTreeSet<Wait>,
}

/// A finished validation stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Validated {
    pub(super) outcome: Validation,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Validating,
    Prerequisites,
    Waiting(Wait),
    SettingUpReplication,
    Copying,
    WaitingForCutover,
    Completing,
    Canceling,
}

/// What the service may stop for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wait {
    LogicalReplication,
    Databases,
    Overwrite,
    Scheduling,
    Window,
}

/// One database of a migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct DatabaseRun {
    pub(super) name: String,
    pub(super) tables: u32,
    pub(super) change_rate: f64,
    pub(super) copy_from: Timestamp,
    pub(super) copy_until: Timestamp,
    pub(super) state: DatabaseState,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DatabaseState {
    /// Copying, or replaying changes.
    Running,
    CuttingOver,
    Canceling,
    Succeeded(Timestamp),
    Failed(Timestamp, String),
    Canceled(Timestamp),
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    ValidationFailed,
    Canceled,
}

impl End {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::ValidationFailed => "ValidationFailed",
            Self::Canceled => "Canceled",
        }
    }
}

impl Run {
    pub(super) fn new(
        world: &World,
        credentials: Credentials,
        window: Option<Timestamp>,
        faults: Vec<MigrationFault>,
    ) -> Self {
        Self {
            started: world.now,
            // The longest life is a rule, not a latency: it holds also when latencies are off.
            expires: later(world.now, world.options.phases.lifetime.0),
            phase: Phase::Prerequisites,
            entered: world.now,
            due: None,
            credentials,
            window,
            validation: None,
            databases: Vec::new(),
            frozen: None,
            cutover_deadline: None,
            faults,
            answered: BTreeSet::new(),
        }
    }

    fn planted_wait(&self, wait: Wait) -> bool {
        let planted = self.faults.iter().any(|fault| match fault {
            MigrationFault::Waits { on } => Wait::from(*on) == wait,
            MigrationFault::ValidationFails { .. }
            | MigrationFault::ValidationWarns { .. }
            | MigrationFault::CopyFails { .. }
            | MigrationFault::Stuck { .. }
            | MigrationFault::CutoverFails { .. } => false,
        });
        planted && !self.answered.contains(&wait)
    }
}

impl From<WaitFor> for Wait {
    fn from(on: WaitFor) -> Self {
        match on {
            WaitFor::LogicalReplication => Self::LogicalReplication,
            WaitFor::Databases => Self::Databases,
            WaitFor::Overwrite => Self::Overwrite,
            WaitFor::Scheduling => Self::Scheduling,
        }
    }
}

/// A copy of the run, if the migration has not ended.
pub(super) fn of(world: &World, key: &Key) -> Option<Run> {
    world.store.get(key).and_then(|object| object.run.as_deref().cloned())
}

fn save(world: &mut World, key: &Key, run: Run) {
    if let Some(object) = world.store.get_mut(key) {
        object.run = Some(Box::new(run));
    }
}

fn edit(world: &mut World, key: &Key, change: impl FnOnce(&mut Run)) {
    if let Some(run) = world.store.get_mut(key).and_then(|object| object.run.as_deref_mut()) {
        change(run);
    }
}

/// Changes the `properties` of a migration and keeps its run.
fn edit_properties(world: &mut World, key: &Key, change: impl FnOnce(&mut Map<String, Value>)) {
    world.store.edit(key, change);
}

pub(super) fn set_tags(world: &mut World, key: &Key, tags: Value) {
    let Some(object) = world.store.get(key) else { return };
    let (id, run, hidden) = (object.id.clone(), object.run.clone(), object.hidden_until);
    let mut whole = object.body.whole();
    whole.insert("tags".to_owned(), tags);
    let mut changed = crate::simulator::store::Object::new(&id, crate::simulator::arm_type::ArmType::Migration, whole);
    changed.run = run;
    changed.hidden_until = hidden;
    world.store.put(changed);
}

/// A migration of a seed that has not ended begins anew with the world, its credentials taken as good.
pub(crate) fn grown(world: &mut World, key: &Key) {
    let properties = world.properties(key);
    let state = text(&properties, "/currentStatus/state").unwrap_or("InProgress");
    if !matches!(state, "InProgress" | "WaitingForUserAction" | "CleaningUp") {
        return;
    }
    let run = Run::new(world, Credentials::Accepted, None, Vec::new());
    save(world, key, run);
    world.active.insert(key.clone());
    start(world, key);
}

/// The first phase.
pub(super) fn start(world: &mut World, key: &Key) {
    let option = text(&world.properties(key), "/migrationOption")
        .unwrap_or_default()
        .to_owned();
    enter(
        world,
        key,
        if option == "Migrate" {
            Phase::Prerequisites
        } else {
            Phase::Validating
        },
    );
}

/// Enters a phase and arranges for its end.
fn enter(world: &mut World, key: &Key, phase: Phase) {
    let Some(mut run) = of(world, key) else { return };
    let now = world.now;
    run.phase = phase;
    run.entered = now;
    let options = &world.options;
    let due = match phase {
        Phase::Validating => {
            let count = texts(&world.properties(key), "/dbsToMigrate").count();
            let each = options.phase(|phases| phases.validation_per_database);
            Some(later(
                now,
                options.phase(|phases| phases.validation) + each * u32::try_from(count).unwrap_or(u32::MAX),
            ))
        }
        Phase::Prerequisites => Some(later(now, options.phase(|phases| phases.prerequisites))),
        Phase::Waiting(Wait::Window) => run.window,
        Phase::Waiting(Wait::LogicalReplication | Wait::Databases | Wait::Overwrite | Wait::Scheduling) => None,
        Phase::SettingUpReplication => Some(later(now, options.phase(|phases| phases.logical_replication))),
        Phase::Copying => copy_end(&run),
        Phase::WaitingForCutover => {
            let deadline = run
                .cutover_deadline
                .unwrap_or_else(|| later(now, options.phases.cutover_wait.0));
            run.cutover_deadline = Some(deadline);
            Some(deadline)
        }
        Phase::Completing => Some(later(
            now,
            options.phase(|phases| phases.completion) + progress::backlog(world, &run),
        )),
        Phase::Canceling => Some(later(now, options.phase(|phases| phases.cancellation))),
    };
    let due = due.unwrap_or(run.expires).min(run.expires);
    run.due = Some(due);
    save(world, key, run);
    world.schedule(due, Event::Migration(key.clone()));
}

/// When the copy of all databases ends, or when it fails; never when it is stuck.
fn copy_end(run: &Run) -> Option<Timestamp> {
    if run.frozen.is_some() {
        return None;
    }
    let failing = copy_fault(run).map(|(database, _)| middle(database));
    failing.or_else(|| run.databases.iter().map(|database| database.copy_until).max())
}

fn middle(database: &DatabaseRun) -> Timestamp {
    later(
        database.copy_from,
        clock::elapsed(database.copy_from, database.copy_until) / 2,
    )
}

/// The database in whose middle the copy is told to fail, and what the service says then.
fn copy_fault(run: &Run) -> Option<(&DatabaseRun, Option<String>)> {
    run.faults.iter().find_map(|fault| match fault {
        MigrationFault::CopyFails { database, message } => {
            named(run, database.as_deref()).map(|found| (found, message.clone()))
        }
        MigrationFault::ValidationFails { .. }
        | MigrationFault::ValidationWarns { .. }
        | MigrationFault::Stuck { .. }
        | MigrationFault::CutoverFails { .. }
        | MigrationFault::Waits { .. } => None,
    })
}

fn named<'r>(run: &'r Run, name: Option<&str>) -> Option<&'r DatabaseRun> {
    match name {
        None => run.databases.first(),
        Some(name) => run.databases.iter().find(|database| database.name == name),
    }
}

/// The run's time may have come.
pub(crate) fn due(world: &mut World, key: &Key) {
    let Some(run) = of(world, key) else { return };
    if run.due.is_none_or(|due| due > world.now) {
        return;
    }
    if world.now >= run.expires {
        let hours = clock::elapsed(run.started, run.expires).as_secs() / 3600;
        return fail(
            world,
            key,
            &format!("The migration timed out {hours} hours after its start."),
        );
    }
    match run.phase {
        Phase::Validating => validated(world, key, &run),
        Phase::Prerequisites => prepared(world, key, &run),
        Phase::Waiting(Wait::Window) => gate(world, key),
        Phase::Waiting(Wait::LogicalReplication | Wait::Databases | Wait::Overwrite | Wait::Scheduling) => {}
        Phase::SettingUpReplication => {
            replication_is_set_up(world, key);
            gate(world, key);
        }
        Phase::Copying => copied(world, key, &run),
        Phase::WaitingForCutover => {
            let hours = world.options.phases.cutover_wait.0.as_secs() / 3600;
            fail(
                world,
                key,
                &format!("The migration timed out: no cutover was triggered within {hours} hours."),
            );
        }
        Phase::Completing => completed(world, key, run),
        Phase::Canceling => canceled(world, key),
    }
}

fn validated(world: &mut World, key: &Key, run: &Run) {
    let outcome = validate(world, key, run.credentials, &run.faults);
    let verdict = outcome.verdict();
    let (started, ended) = (run.entered, world.now);
    edit(world, key, |run| {
        run.validation = Some(Validated {
            outcome,
            started,
            ended,
        })
    });
    let validate_only = text(&world.properties(key), "/migrationOption") == Some("Validate");
    match (verdict, validate_only) {
        (Verdict::Failed, _) => finish(world, key, End::ValidationFailed, None),
        (Verdict::Succeeded | Verdict::Warning, true) => finish(world, key, End::Succeeded, None),
        (Verdict::Succeeded | Verdict::Warning, false) => enter(world, key, Phase::Prerequisites),
    }
}

/// Connections are made: a run without a validation stage meets here what that would have found.
fn prepared(world: &mut World, key: &Key, run: &Run) {
    if run.validation.is_none() {
        let failure = validate(world, key, run.credentials, &[]).first_failure();
        if let Some(failure) = failure {
            let id = text(&world.properties(key), "/migrationId")
                .unwrap_or_default()
                .to_owned();
            let message = format!(
                "DB002: Migration failed. {failure} Please reference MigrationId {id}, when contacting Microsoft customer support."
            );
            return finish(world, key, End::Failed, Some(message));
        }
    }
    gate(world, key);
}

/// Everything that may hold a migration before the copy, in the order of the service.
fn gate(world: &mut World, key: &Key) {
    let Some(run) = of(world, key) else { return };
    let properties = world.properties(key);
    let says = |member: &str, value: &str| text(&properties, member) == Some(value);
    let logical = source::find(world, &properties).is_none_or(|source| source.wal_level == "logical");
    let needs_replication = says("/migrationMode", "Online") && !logical;
    if needs_replication && says("/setupLogicalReplicationOnSourceDbIfNeeded", "True") {
        return enter(world, key, Phase::SettingUpReplication);
    }
    let target = Key::of(text(&properties, "/targetDbServerResourceId").unwrap_or_default());
    let taken = texts(&properties, "/dbsToMigrate").any(|name| database::exists(world, &target, name));
    let waits = [
        (Wait::LogicalReplication, needs_replication),
        (Wait::Databases, texts(&properties, "/dbsToMigrate").next().is_none()),
        (Wait::Overwrite, taken && !says("/overwriteDbsInTarget", "True")),
        (
            Wait::Window,
            run.window.is_some_and(|window| window > world.now) && !says("/startDataMigration", "True"),
        ),
        (
            Wait::Scheduling,
            run.window.is_none() && says("/startDataMigration", "False"),
        ),
    ];
    match waits
        .into_iter()
        .find(|(wait, holds)| *holds || run.planted_wait(*wait))
    {
        Some((wait, _)) => enter(world, key, Phase::Waiting(wait)),
        None => copy(world, key),
    }
}

fn replication_is_set_up(world: &mut World, key: &Key) {
    let properties = world.properties(key);
    let host = source::find(world, &properties).map(|source| (source.host.clone(), source.port));
    let found = host.and_then(|(host, port)| {
        world
            .sources
            .iter_mut()
            .find(|source| source.host == host && source.port == port)
    });
    if let Some(source) = found {
        source.wal_level = "logical".to_owned();
    }
}

/// Plans the base copy, one database after the other, and begins it.
fn copy(world: &mut World, key: &Key) {
    let properties = world.properties(key);
    let target = Key::of(text(&properties, "/targetDbServerResourceId").unwrap_or_default());
    let names: Vec<String> = texts(&properties, "/dbsToMigrate").map(str::to_owned).collect();
    let least = world.options.phase(|phases| phases.copy_per_database);
    let rate = world.options.copy_mb_per_s.max(0.001);
    let instant = world.options.latencies == Switch::Off;
    let known = source::find(world, &properties)
        .map(|source| source.databases.clone())
        .unwrap_or_default();
    let mut at = world.now;
    let mut databases = Vec::with_capacity(names.len());
    for name in &names {
        let found = known.iter().find(|database| database.name == *name);
        let seconds = found.map_or(0.0, |database| database.size_mb) / rate;
        let takes = std::time::Duration::try_from_secs_f64(if instant { 0.0 } else { seconds })
            .unwrap_or(least)
            .max(least);
        let until = later(at, takes);
        databases.push(DatabaseRun {
            name: name.clone(),
            tables: found.map_or(1, |database| database.tables),
            change_rate: found.map_or(0.0, |database| database.change_rate_per_s),
            copy_from: at,
            copy_until: until,
            state: DatabaseState::Running,
        });
        database::create(world, &target, name);
        at = until;
    }
    edit(world, key, |run| {
        run.databases = databases;
        run.frozen = stuck_at(run);
    });
    enter(world, key, Phase::Copying);
}

fn stuck_at(run: &Run) -> Option<Timestamp> {
    run.faults.iter().find_map(|fault| match fault {
        MigrationFault::Stuck { database } => named(run, database.as_deref()).map(middle),
        MigrationFault::ValidationFails { .. }
        | MigrationFault::ValidationWarns { .. }
        | MigrationFault::CopyFails { .. }
        | MigrationFault::CutoverFails { .. }
        | MigrationFault::Waits { .. } => None,
    })
}

fn copied(world: &mut World, key: &Key, run: &Run) {
    if let Some((database, message)) = copy_fault(run) {
        let message = message
            .unwrap_or_else(|| "The copy of the data failed: the connection to the source server was lost.".to_owned());
        let name = database.name.clone();
        return copy_failed(world, key, &name, &message);
    }
    let now = world.now;
    if Mode::of(&world.properties(key)) == Mode::Online {
        return enter(world, key, Phase::WaitingForCutover);
    }
    edit(world, key, |run| {
        for database in run
            .databases
            .iter_mut()
            .filter(|database| database.state == DatabaseState::Running)
        {
            database.state = DatabaseState::Succeeded(database.copy_until.min(now));
        }
    });
    enter(world, key, Phase::Completing);
}

/// What was copied before stays (offline) or has not been cut over (online); what was to come does not.
fn copy_failed(world: &mut World, key: &Key, name: &str, message: &str) {
    let now = world.now;
    let online = Mode::of(&world.properties(key)) == Mode::Online;
    edit(world, key, |run| {
        for database in &mut run.databases {
            database.state = match (
                &database.state,
                database.name == name,
                database.copy_until <= now && !online,
            ) {
                (DatabaseState::Canceled(at), _, _) => DatabaseState::Canceled(*at),
                (_, true, _) => DatabaseState::Failed(now, message.to_owned()),
                (_, false, true) => DatabaseState::Succeeded(database.copy_until),
                (_, false, false) => DatabaseState::Canceled(now),
            };
        }
    });
    finish(world, key, End::Failed, Some(format!("{name}: {message}")));
}

fn completed(world: &mut World, key: &Key, run: Run) {
    let planted = run.faults.iter().find_map(|fault| match fault {
        MigrationFault::CutoverFails { message } => Some(message.clone()),
        MigrationFault::ValidationFails { .. }
        | MigrationFault::ValidationWarns { .. }
        | MigrationFault::CopyFails { .. }
        | MigrationFault::Stuck { .. }
        | MigrationFault::Waits { .. } => None,
    });
    if let Some(message) = planted {
        return fail(world, key, &message.unwrap_or_else(|| "The cutover failed.".to_owned()));
    }
    let now = world.now;
    edit(world, key, |run| {
        for database in run
            .databases
            .iter_mut()
            .filter(|database| database.state == DatabaseState::CuttingOver)
        {
            database.state = DatabaseState::Succeeded(now);
        }
    });
    let left = of(world, key).is_some_and(|run| {
        run.databases
            .iter()
            .any(|database| database.state == DatabaseState::Running)
    });
    if left {
        enter(world, key, Phase::WaitingForCutover)
    } else {
        finish(world, key, End::Succeeded, None)
    }
}

fn canceled(world: &mut World, key: &Key) {
    let now = world.now;
    edit(world, key, |run| {
        for database in run
            .databases
            .iter_mut()
            .filter(|database| database.state == DatabaseState::Canceling)
        {
            database.state = DatabaseState::Canceled(now);
        }
    });
    finish(world, key, End::Canceled, None);
}

fn fail(world: &mut World, key: &Key, message: &str) {
    let now = world.now;
    edit(world, key, |run| {
        for database in &mut run.databases {
            if !matches!(database.state, DatabaseState::Succeeded(_) | DatabaseState::Canceled(_)) {
                database.state = DatabaseState::Failed(now, message.to_owned());
            }
        }
    });
    finish(world, key, End::Failed, Some(message.to_owned()));
}

/// The last view becomes the object; nothing drives it any more.
fn finish(world: &mut World, key: &Key, end: End, error: Option<String>) {
    let Some(run) = of(world, key) else { return };
    let status = progress::final_status(world, key, &run, end, error);
    let ended = clock::wire(world.now);
    if end != End::Succeeded && world.options.leftovers == Leftovers::Removed {
        let target = Key::of(text(&world.properties(key), "/targetDbServerResourceId").unwrap_or_default());
        for database in run
            .databases
            .iter()
            .filter(|database| !matches!(database.state, DatabaseState::Succeeded(_)))
        {
            database::drop_one(world, &target, &database.name);
        }
    }
    edit_properties(world, key, |properties| {
        properties.insert("currentStatus".to_owned(), status);
        properties.insert("migrationWindowEndTimeInUtc".to_owned(), json!(ended));
    });
    if let Some(object) = world.store.get_mut(key) {
        object.run = None;
    }
    world.active.remove(key);
}

/// The migration that is active on a target.
pub(super) fn active_on<'w>(world: &'w World, server: &Key) -> Option<&'w Key> {
    let below = server.join("migrations/");
    let next = world.active.range(below.clone()..).next();
    next.filter(|key| key.as_str().starts_with(below.as_str()))
}

/// A server on the path of running migrations goes away under them.
pub(crate) fn interrupt(world: &mut World, server: &Key, message: &str) {
    let below = format!("{server}/migrations/");
    let hit: Vec<Key> = world
        .active
        .iter()
        .filter(|key| {
            let runtime = text(&world.properties(key), "/migrationInstanceResourceId").map(Key::of);
            key.as_str().starts_with(&below) || runtime.as_ref() == Some(server)
        })
        .cloned()
        .collect();
    for key in hit {
        fail(world, &key, message);
    }
}

/// A PATCH, on a migration that has not ended: one of the user's actions.
pub(super) fn update(world: &mut World, key: &Key, changes: Map<String, Value>) -> Result<(), Refusal> {
    let view = Value::Object(changes.clone());
    let list = |member: &str| texts(&view, member).map(str::to_owned).collect::<Vec<String>>();
    if text(&view, "/cancel") == Some("True") {
        return cancel(world, key, &list("/dbsToCancelMigrationOn"));
    }
    if text(&view, "/triggerCutover") == Some("True") {
        return cut_over(world, key, &list("/dbsToTriggerCutoverOn"));
    }
    let Some(run) = of(world, key) else { return Ok(()) };
    for member in changes.keys() {
        if let Some(wait) = answers(member) {
            let early =
                matches!(run.phase, Phase::Validating | Phase::Prerequisites) && wait == Wait::LogicalReplication;
            let fits = run.phase == Phase::Waiting(wait)
                || early
                || (wait == Wait::Scheduling && run.phase == Phase::Waiting(Wait::Window));
            if !fits {
                return Err(wrong_state(key, &run, member));
            }
        } else if !harmless(member, &view) {
            return Err(wrong_state(key, &run, member));
        }
    }
    if changes.contains_key("dbsToMigrate") {
        super::databases_are_valid(world, &changes)?;
    }
    let window = super::start_of_window(&changes)?;
    edit_properties(world, key, |properties| {
        properties.extend(changes.into_iter().filter(|(name, _)| name != "secretParameters"));
    });
    edit(world, key, |run| {
        run.window = window.or(run.window);
        if let Phase::Waiting(wait) = run.phase {
            run.answered.insert(wait);
        }
    });
    if matches!(run.phase, Phase::Waiting(_)) {
        gate(world, key);
    }
    Ok(())
}

/// The wait that a member of a PATCH answers.
fn answers(member: &str) -> Option<Wait> {
    match member {
        "setupLogicalReplicationOnSourceDbIfNeeded" => Some(Wait::LogicalReplication),
        "dbsToMigrate" => Some(Wait::Databases),
        "overwriteDbsInTarget" => Some(Wait::Overwrite),
        "migrationWindowStartTimeInUtc" | "startDataMigration" => Some(Wait::Scheduling),
        _ => None,
    }
}

/// `cancel: False` and `triggerCutover: False` ask for nothing, and their lists go with them.
fn harmless(member: &str, view: &Value) -> bool {
    match member {
        "cancel" | "triggerCutover" => view.get(member) == Some(&json!("False")),
        "dbsToCancelMigrationOn" | "dbsToTriggerCutoverOn" => true,
        _ => false,
    }
}

fn wrong_state(key: &Key, run: &Run, what: &str) -> Refusal {
    let (state, substate) = progress::words(run);
    let message = format!("'{what}' of migration {key} cannot be updated while it is {state}/{substate}.");
    Refusal::bad_request("InvalidMigrationState", message)
}

/// The databases an action is about: those listed, or all that are on their way.
fn chosen(run: &Run, listed: &[String]) -> Result<Vec<String>, Refusal> {
    for name in listed {
        let known = run.databases.iter().find(|database| database.name == *name);
        match known.map(|database| &database.state) {
            None => return Err(invalid(format!("The database '{name}' is not part of the migration."))),
            Some(DatabaseState::Succeeded(_) | DatabaseState::Failed(..) | DatabaseState::Canceled(_))
                if listed.len() == 1 =>
            {
                return Err(invalid(format!("The migration of the database '{name}' has ended.")));
            }
            Some(_) => {}
        }
    }
    let running = run
        .databases
        .iter()
        .filter(|database| database.state == DatabaseState::Running);
    Ok(running
        .map(|database| database.name.clone())
        .filter(|name| listed.is_empty() || listed.contains(name))
        .collect())
}

fn cut_over(world: &mut World, key: &Key, listed: &[String]) -> Result<(), Refusal> {
    let Some(run) = of(world, key) else { return Ok(()) };
    if Mode::of(&world.properties(key)) != Mode::Online {
        return Err(invalid(
            "Cutover is not possible for migration mode Offline.".to_owned(),
        ));
    }
    if run.phase != Phase::WaitingForCutover {
        return Err(wrong_state(key, &run, "triggerCutover"));
    }
    let chosen = chosen(&run, listed)?;
    edit(world, key, |run| {
        for database in run
            .databases
            .iter_mut()
            .filter(|database| chosen.contains(&database.name))
        {
            database.state = DatabaseState::CuttingOver;
        }
    });
    edit_properties(world, key, |properties| {
        properties.insert("triggerCutover".to_owned(), json!("True"));
        properties.insert("dbsToTriggerCutoverOn".to_owned(), json!(chosen));
    });
    enter(world, key, Phase::Completing);
    Ok(())
}

/// Cancels some databases, or, with none listed or none left, the whole migration.
pub(super) fn cancel(world: &mut World, key: &Key, listed: &[String]) -> Result<(), Refusal> {
    let Some(run) = of(world, key) else { return Ok(()) };
    if run.phase == Phase::Canceling {
        return Ok(());
    }
    let declared: Vec<String> = texts(&world.properties(key), "/dbsToMigrate")
        .map(str::to_owned)
        .collect();
    if let Some(stranger) = listed.iter().find(|name| !declared.contains(name)) {
        return Err(invalid(format!(
            "The database '{stranger}' is not part of the migration."
        )));
    }
    let now = world.now;
    edit_properties(world, key, |properties| {
        properties.insert("cancel".to_owned(), json!("True"));
        properties.insert(
            "dbsToCancelMigrationOn".to_owned(),
            json!(if listed.is_empty() { &declared } else { listed }),
        );
    });
    let open = |database: &DatabaseRun| matches!(database.state, DatabaseState::Running | DatabaseState::CuttingOver);
    let remaining = run
        .databases
        .iter()
        .any(|database| open(database) && !listed.is_empty() && !listed.contains(&database.name));
    edit(world, key, |run| {
        for database in run.databases.iter_mut().filter(|database| open(database)) {
            if !remaining {
                database.state = DatabaseState::Canceling;
            } else if listed.contains(&database.name) {
                database.state = DatabaseState::Canceled(now);
            }
        }
    });
    if !remaining {
        enter(world, key, Phase::Canceling);
    }
    Ok(())
}
