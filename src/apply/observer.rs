//! What a run tells while it goes on: everything that a terminal or a log of events needs. Nothing here prints or decides.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{Holder, RunId};
use serde::Serialize;

use super::error::StepError;
use super::seen::TablesSeen;
use crate::address::UnitAddress;
use crate::arm::migration::{DatabaseState, Migration, State, Substate};
use crate::arm::{ArmError, ArmId};
use crate::plan::step::{Opens, Why};
use crate::plan::{Answer, Gate, Step};

/// Watches a run. It is called between the run's own doings, so it must return quickly.
pub trait Observer: Sync {
    /// Something happened, at this instant of the cloud's clock.
    fn event(&self, at: Timestamp, event: &Event<'_>);
}

/// An observer that is not interested.
#[derive(Clone, Copy, Debug)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _: Timestamp, _: &Event<'_>) {}
}

/// Something that happened in a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The plan is in the journal; the first steps follow.
    RunStarted {
        /// The run.
        run: RunId,
        /// How many steps it has.
        steps: usize,
    },
    /// A step of an interrupted run was found to have happened, and is remembered now.
    Recovered {
        /// The step.
        step: &'a Step,
    },
    /// A step began.
    StepStarted {
        /// The step.
        step: &'a Step,
    },
    /// A step is done, and remembered durably.
    StepFinished {
        /// The step.
        step: &'a Step,
        /// How long it took, by the cloud's clock.
        elapsed: Duration,
    },
    /// A step failed.
    StepFailed {
        /// The step.
        step: &'a Step,
        /// Why.
        error: &'a StepError,
        /// How long it took, by the cloud's clock.
        elapsed: Duration,
    },
    /// A step will not run.
    StepSkipped {
        /// The step.
        step: &'a Step,
        /// The step that failed, or was skipped itself.
        because: &'a Step,
    },
    /// A call is made once more, because what went wrong passes.
    Repeated {
        /// The step.
        step: &'a Step,
        /// Which attempt follows, from 2.
        attempt: u32,
        /// What went wrong.
        error: &'a ArmError,
    },
    /// A migration was looked at.
    Progress {
        /// Its unit.
        unit: &'a UnitAddress,
        /// What was seen.
        progress: &'a MigrationProgress,
    },
    /// A migration could not be looked at; it will be tried again.
    Unreadable {
        /// Its unit.
        unit: &'a UnitAddress,
        /// Why not.
        error: &'a ArmError,
    },
    /// A question of the service was answered as the configuration says.
    Answered {
        /// Whose migration asked.
        unit: &'a UnitAddress,
        /// What it asked, by its substate.
        substate: &'a Substate,
        /// The answer.
        answer: &'a Answer,
    },
    /// A migration waits for somebody. It stays under watch while the run has other things to do.
    Waiting {
        /// Whose migration.
        unit: &'a UnitAddress,
        /// For what.
        waits: &'a WaitsFor,
    },
    /// What it waited for has come.
    GoesOn {
        /// Whose migration.
        unit: &'a UnitAddress,
    },
    /// The conditions of a cutover were looked at.
    GateRead {
        /// Whose cutover.
        unit: &'a UnitAddress,
        /// What was seen.
        reading: &'a GateReading,
    },
    /// The cutover was triggered.
    CutoverTriggered {
        /// Whose.
        unit: &'a UnitAddress,
        /// The migration.
        migration: &'a ArmId,
    },
    /// A cutover is over.
    Downtime(&'a Downtime),
    /// A cancel was sent.
    CancelSent {
        /// Whose.
        unit: &'a UnitAddress,
        /// The migration.
        migration: &'a ArmId,
    },
    /// The state's lock is held.
    LockTaken,
    /// The state's lock was let go, since the run only watches.
    LockReleased,
    /// Somebody else holds the lock; it is waited for.
    LockAwaited {
        /// Who.
        holder: &'a Holder,
    },
    /// The run was asked to stop.
    Interrupted,
}

/// What a migration waits for, where that is not the service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// An answer that the configuration does not give.
    Answer {
        /// What the service asks, by its substate.
        #[serde(serialize_with = "as_text")]
        substate: Substate,
        /// Why the configuration does not answer, where the plan says so.
        why: Option<Why>,
    },
    /// Whoever moves on a migration that this run does not, and that holds what the next one needs.
    Somebody {
        /// That migration.
        migration: ArmId,
        /// What the service asks them, by its substate.
        #[serde(serialize_with = "as_text")]
        substate: Substate,
    },
    /// A cutover by hand.
    Cutover {
        /// Whether the conditions held when last looked at.
        reading: Box<GateReading>,
        /// How it is let through.
        opens: Opens,
    },
    /// That its window opens.
    Window {
        /// What may not be done until then.
        holds: Held,
        /// When it opens.
        opens: Timestamp,
        /// The same instant by clocks of the window's time zone.
        local: String,
    },
    /// Nothing has moved for a long time.
    Stalled {
        /// Since when.
        since: Timestamp,
    },
}

/// What a window that is closed holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// The start of a migration.
    Start,
    /// Its cutover.
    Cutover,
}

impl WaitsFor {
    /// Whether a person has to do something.
    pub fn is_person(&self) -> bool {
        match self {
            Self::Answer { .. } | Self::Somebody { .. } | Self::Cutover { .. } | Self::Stalled { .. } => true,
            Self::Window { .. } => false,
        }
    }
}

/// A migration at one instant. What the service did not tell is `None`, never zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MigrationProgress {
    /// The migration.
    pub migration: ArmId,
    /// Its state.
    #[serde(serialize_with = "as_text")]
    pub state: State,
    /// What it is doing.
    #[serde(serialize_with = "as_optional_text")]
    pub substate: Option<Substate>,
    /// Databases that have arrived.
    pub databases_done: usize,
    /// All of its databases.
    pub databases: usize,
    /// Tables copied, over the databases that tell.
    pub tables_done: Option<u64>,
    /// All tables, over the databases that tell.
    pub tables: Option<u64>,
    /// The largest replication lag of its databases, once every one of them tells.
    pub lag: Option<Duration>,
    /// Checks of its validation that did not simply succeed, in words.
    pub remarks: Vec<String>,
    /// Since when it runs.
    pub started: Option<Timestamp>,
    /// When the service gives it up: 168 hours after its start (contract 5.3).
    pub deadline: Option<Timestamp>,
}

/// The conditions of a cutover at one instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateReading {
    /// The migration.
    pub migration: ArmId,
    /// Every database that is to be cut over.
    pub databases: Vec<DatabaseReading>,
    /// The largest lag allowed.
    pub max_lag: Duration,
    /// How many good readings in a row there were, this one included; more than needed in the look right before the trigger.
    pub good: u32,
    /// How many are needed.
    pub needed: u32,
}

/// One database at a gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatabaseReading {
    /// Its name.
    pub name: String,
    /// Its replication lag, where the service tells.
    pub lag: Option<Duration>,
    /// Tables copied, where the service tells.
    pub tables: Option<u64>,
    /// What speaks against a cutover.
    pub objections: Vec<Objection>,
}

/// What speaks against a cutover.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// The service says nothing of this database.
    Unheard,
    /// It is not waiting for its cutover.
    State(#[serde(serialize_with = "as_text")] DatabaseState),
    /// Tables failed.
    Errored(u64),
    /// Tables are still waiting or being copied.
    Copying(u64),
    /// Fewer tables are there than this run has seen before.
    Fewer {
        /// How many there are.
        completed: u64,
        /// How many there were.
        seen: u64,
    },
    /// A table counter is not told.
    TablesUnknown,
    /// The lag is not told. Unknown is not zero.
    LagUnknown,
    /// The lag is too large.
    Lagging(Duration),
}

/// How long a cutover took: from the trigger until the service called the migration done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Downtime {
    /// Whose cutover.
    pub unit: UnitAddress,
    /// The migration.
    pub migration: ArmId,
    /// When it was triggered.
    pub triggered: Timestamp,
    /// How long it took.
    pub took: Duration,
}

impl MigrationProgress {
    /// What an answer of Azure says.
    pub fn of(migration: &Migration) -> Self {
        Self {
            migration: migration.id.clone(),
            state: migration.state.clone(),
            substate: migration.substate.clone(),
            databases_done: migration.arrived(),
            databases: migration.databases.len(),
            tables_done: migration.tables_copied(),
            tables: migration.tables(),
            lag: migration.largest_lag(),
            remarks: migration.remarks().map(ToString::to_string).collect(),
            started: migration.started,
            deadline: migration.deadline(),
        }
    }
}

impl GateReading {
    /// What an answer of Azure says about the conditions of a gate; `before` good readings came right before it.
    pub fn of(gate: &Gate, migration: &Migration, seen: &TablesSeen, before: u32) -> Self {
        let databases: Vec<DatabaseReading> = gate
            .databases
            .iter()
            .map(|name| DatabaseReading::of(name, gate, migration, seen.of(&migration.id, name)))
            .collect();
        let holds = !databases.is_empty() && databases.iter().all(|database| database.objections.is_empty());
        Self {
            migration: gate.migration.clone(),
            databases,
            max_lag: gate.max_lag,
            good: if holds { before.saturating_add(1) } else { 0 },
            needed: gate.samples.max(1),
        }
    }

    /// Whether this reading alone has nothing against a cutover.
    pub fn holds(&self) -> bool {
        self.good > 0
    }

    /// Whether there were enough good readings in a row.
    pub fn is_open(&self) -> bool {
        self.good >= self.needed
    }

    /// Whether waiting cannot open it: a database will not arrive by this migration any more.
    pub fn is_hopeless(&self) -> bool {
        let mut objections = self.databases.iter().flat_map(|database| &database.objections);
        objections.any(|objection| matches!(objection, Objection::State(state) if state.is_lost()))
    }

    /// The largest lag, once every database tells its own.
    pub fn lag(&self) -> Option<Duration> {
        let lags: Option<Vec<Duration>> = self.databases.iter().map(|database| database.lag).collect();
        lags?.into_iter().max()
    }
}

impl DatabaseReading {
    fn of(name: &str, gate: &Gate, migration: &Migration, seen: u64) -> Self {
        let Some(progress) = migration.progress.get(name) else {
            return Self {
                name: name.to_owned(),
                lag: None,
                tables: None,
                objections: vec![Objection::Unheard],
            };
        };
        let lag = progress.latency.map(Duration::from_secs);
        let tables = progress.tables;
        let mut objections = Vec::new();
        if progress.state != DatabaseState::WaitingForCutover {
            objections.push(Objection::State(progress.state.clone()));
        }
        match (tables.errored, tables.queued, tables.loading, tables.completed) {
            (Some(0), Some(0), Some(0), Some(completed)) if completed < seen => {
                objections.push(Objection::Fewer { completed, seen });
            }
            (Some(0), Some(0), Some(0), Some(_)) => {}
            (Some(errored), Some(queued), Some(loading), Some(_)) => {
                if errored > 0 {
                    objections.push(Objection::Errored(errored));
                }
                if queued.saturating_add(loading) > 0 {
                    objections.push(Objection::Copying(queued.saturating_add(loading)));
                }
            }
            (_, _, _, _) => objections.push(Objection::TablesUnknown),
        }
        match lag {
            None => objections.push(Objection::LagUnknown),
            Some(lag) if lag > gate.max_lag => objections.push(Objection::Lagging(lag)),
            Some(_) => {}
        }
        Self {
            name: name.to_owned(),
            lag,
            tables: tables.completed,
            objections,
        }
    }
}

fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_optional_text<T: fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
