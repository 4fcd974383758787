//! What can go wrong while a plan is applied: before anything was done, and in one step. Facts only; advice belongs to the
//! command line.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{Holder, InvalidName, Lineage, RunId, StoreError};
use thiserror::Error;

use super::observer::{GateReading, Held};
use super::step::is_uncertain;
use crate::address::UnitAddress;
use crate::arm::id::ArmIdError;
use crate::arm::migration::{DatabaseState, Ending, Migration, ValidationCheck, Verdict};
use crate::arm::{ArmError, ArmId, MissingOutput, VaultError};
use crate::plan::{Plan, StepId};
use crate::window::Window;

/// Why nothing, or nothing more, was done.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// What the plan was computed from is no longer so: plan again.
    #[error("{0}")]
    Moved(Moved),
    /// Somebody else writes the state.
    #[error("the state is locked by {0}")]
    Locked(Box<Holder>),
    /// An earlier run was not closed; it has to be settled first.
    #[error("run {0} is still open")]
    RunOpen(RunId),
    /// The store failed.
    #[error("the state cannot be used")]
    Store(#[source] StoreError),
    /// The steps of the plan do not hang together.
    #[error("the plan's steps cannot be put in order: {0}")]
    Tangled(Tangled),
    /// A unit's address cannot be the key of a record.
    #[error("{unit} cannot be recorded")]
    Key {
        /// The unit.
        unit: UnitAddress,
        /// Why.
        #[source]
        source: InvalidName,
    },
    /// The name of an output cannot be the key of a record.
    #[error("the output `{name}` cannot be kept")]
    OutputKey {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: InvalidName,
    },
    /// The plan or the journal of an open run cannot be read.
    #[error("the stored {what} of run {run} cannot be read")]
    Stored {
        /// The run.
        run: RunId,
        /// Which part.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The plan of an open run has a form that this program does not read.
    #[error(
        "the plan of run {run} has form {found}, and this program reads form {}",
        Plan::FORMAT
    )]
    StoredForm {
        /// The run.
        run: RunId,
        /// The form it has.
        found: u64,
    },
    /// A look at Azure failed.
    #[error("Azure cannot be asked")]
    Arm(#[source] ArmError),
    /// A single command's step failed.
    #[error("{unit} failed")]
    Step {
        /// The unit.
        unit: UnitAddress,
        /// Why.
        #[source]
        source: Box<StepError>,
    },
}

/// What a plan relied on and is no longer so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Moved {
    /// Records were written since.
    #[error("the records of {} were written since the plan was made", Listed(.0))]
    Records(Vec<UnitAddress>),
    /// The state is another one.
    #[error("the state has lineage {found}, the plan was made for {expected}")]
    Lineage {
        /// That of the plan.
        expected: String,
        /// That of the store.
        found: Lineage,
    },
    /// An object that the plan creates was made by somebody else.
    #[error("{0} exists by now")]
    Exists(ArmId),
    /// An object that the plan changes or deletes is gone.
    #[error("{0} is gone by now")]
    Gone(ArmId),
    /// An object that the plan changes or deletes was changed by somebody else.
    #[error("{id} was changed since the plan was made: {}", .members.join(", "))]
    Changed {
        /// The object.
        id: ArmId,
        /// The ways to what differs.
        members: Vec<String>,
    },
}

/// Why steps cannot be put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Tangled {
    /// Two steps have one number.
    #[error("step {0} is there twice")]
    Twice(StepId),
    /// A step waits for one that is not there.
    #[error("step {waits} waits for step {on}, which is not there")]
    Unknown {
        /// The step.
        waits: StepId,
        /// What it waits for.
        on: StepId,
    },
    /// Steps wait for each other in a circle.
    #[error("step {0} waits for itself")]
    Circle(StepId),
}

/// Why a step failed.
#[derive(Debug, Error)]
pub enum StepError {
    /// Something the body or the id hangs on is not there.
    #[error("a value that it hangs on is missing")]
    Missing(#[source] MissingOutput),
    /// What the id hangs on turned out not to be an id.
    #[error("the id that it hangs on is none")]
    NoId(#[source] ArmIdError),
    /// A secret could not be read in its vault: the call was not made.
    #[error("a secret could not be read")]
    Vault(#[source] VaultError),
    /// Azure refused, or could not be reached.
    #[error("the call failed")]
    Arm(#[source] ArmError),
    /// Azure took the call on, and what became of it cannot be seen.
    #[error("it was begun, and what became of it cannot be seen")]
    OutOfSight(#[source] ArmError),
    /// What the plan relied on is no longer so: plan again.
    #[error("{0}")]
    Moved(Moved),
    /// A migration of this name exists and is not ours: plan again.
    #[error("the name `{}` is taken by another migration", migration.name())]
    NameTaken {
        /// The migration.
        migration: ArmId,
    },
    /// The target itself is gone.
    #[error("the target {target} does not exist")]
    NoTarget {
        /// The server.
        target: ArmId,
    },
    /// Databases of the list are on the target, and nobody consents to lose them.
    #[error("`{}` on {} would be overwritten", databases.join("`, `"), target.name())]
    DatabasesThere {
        /// The server.
        target: ArmId,
        /// The databases.
        databases: Vec<String>,
    },
    /// A migration ended otherwise than well.
    #[error("{0}")]
    Ended(Box<EndedBadly>),
    /// A migration is gone, though migrations are never deleted.
    #[error("{migration} is not there any more")]
    Vanished {
        /// The migration.
        migration: ArmId,
    },
    /// A migration that was to be cut over or cancelled is not in a state for that.
    #[error("`{}` is {state}, not {wanted}", migration.name())]
    NotReady {
        /// The migration.
        migration: ArmId,
        /// Its state.
        state: String,
        /// What it would have to be.
        wanted: &'static str,
    },
    /// The conditions for a cutover did not hold in the time given.
    #[error("the conditions for the cutover did not hold within {} s", waited.as_secs())]
    GateClosed {
        /// The last reading.
        reading: Box<GateReading>,
        /// How long they were watched.
        waited: Duration,
    },
    /// The window of a start or a cutover is closed.
    #[error("the window of its {} is closed: {window}", match holds { Held::Start => "start", Held::Cutover => "cutover" })]
    WindowClosed {
        /// What it holds back.
        holds: Held,
        /// The window.
        window: Box<Window>,
        /// When it opens; `None` where it never does any more.
        opens: Option<Timestamp>,
    },
    /// A cancel would lose more than was agreed to.
    #[error("{why} since you were asked")]
    Grown {
        /// The migration.
        migration: ArmId,
        /// What has changed, as the beginning of a sentence.
        why: &'static str,
    },
    /// What was done could not be recorded; the journal knows that it was intended, and the next run settles it.
    #[error("it cannot be recorded")]
    Store(#[source] StoreError),
    /// It failed in an earlier run of the same plan.
    #[error("it failed before: {0}")]
    Earlier(String),
}

/// A migration that did not succeed, with all that the service says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedBadly {
    /// The migration.
    pub migration: ArmId,
    /// The service's run id, for a support request.
    pub run_id: Option<String>,
    /// How it ended.
    pub ending: Ending,
    /// The service's own error.
    pub error: Option<String>,
    /// Databases that did not arrive: name, state and what the service says.
    pub databases: Vec<(String, DatabaseState, Option<String>)>,
    /// Validation checks that failed.
    pub checks: Vec<ValidationCheck>,
}

struct Listed<'a>(&'a [UnitAddress]);

impl EndedBadly {
    /// What a migration tells of its end.
    pub fn of(migration: &Migration, ending: Ending) -> Self {
        let lost = migration
            .progress
            .iter()
            .filter(|(_, progress)| progress.state != DatabaseState::Succeeded);
        let checks = migration.validation.iter().flat_map(|validation| &validation.checks);
        Self {
            migration: migration.id.clone(),
            run_id: migration.run_id.clone(),
            ending,
            error: migration.error.clone(),
            databases: lost
                .map(|(name, progress)| (name.clone(), progress.state.clone(), progress.message.clone()))
                .collect(),
            checks: checks
                .filter(|check| check.verdict == Verdict::Failed)
                .cloned()
                .collect(),
        }
    }
}

impl StepError {
    /// That a window is closed at this instant, if there is one and it is.
    pub(super) fn outside(holds: Held, window: Option<&Window>, now: Timestamp) -> Option<Self> {
        let window = window.filter(|window| !window.is_open(now))?;
        Some(Self::WindowClosed {
            holds,
            opens: window.opens(now),
            window: Box::new(window.clone()),
        })
    }

    /// Whether the call may have taken effect all the same. Its intent stays open in the journal, and the next run looks.
    pub fn is_open_ended(&self) -> bool {
        match self {
            Self::Arm(error) => is_uncertain(error),
            Self::OutOfSight(_) => true,
            Self::Missing(_) | Self::Vault(_) | Self::NoId(_) => false,
            Self::Moved(_) | Self::NameTaken { .. } | Self::NoTarget { .. } => false,
            Self::DatabasesThere { .. } | Self::Ended(_) | Self::Vanished { .. } | Self::NotReady { .. } => false,
            Self::GateClosed { .. } | Self::WindowClosed { .. } => false,
            Self::Grown { .. } | Self::Store(_) | Self::Earlier(_) => false,
        }
    }
}

impl From<ArmError> for StepError {
    fn from(error: ArmError) -> Self {
        Self::Arm(error)
    }
}

impl From<VaultError> for StepError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MissingOutput> for StepError {
    fn from(missing: MissingOutput) -> Self {
        Self::Missing(missing)
    }
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Locked(holder) => Self::Locked(Box::new(holder)),
            StoreError::RunOpen { open } => Self::RunOpen(open),
            other => Self::Store(other),
        }
    }
}

impl fmt::Display for EndedBadly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.ending {
            Ending::Succeeded => "succeeded",
            Ending::Failed => "failed",
            Ending::ValidationFailed => "failed its validation",
            Ending::Canceled => "was cancelled",
        };
        write!(f, "the migration `{}` {how}", self.migration.name())?;
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        for (at, unit) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{unit}", if at == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
