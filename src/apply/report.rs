//! What became of a run: one outcome per step and per unit, and what they come to. It renders nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use pgferry_state::{Holder, RunId, StoreError};

use super::error::StepError;
use super::observer::{Downtime, Held, WaitsFor};
use crate::address::UnitAddress;
use crate::arm::{ArmError, Outputs};
use crate::plan::StepId;

/// What became of a run.
#[derive(Debug)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// Its steps, in the order of the plan.
    pub steps: Vec<StepReport>,
    /// What Azure told, before and during the run: what output values may hang on.
    pub outputs: Outputs,
    /// How long cutovers took.
    pub downtimes: Vec<Downtime>,
    /// Why it ended before its steps were over; `None` where they are, or wait for somebody else.
    pub stopped: Option<Stopped>,
    /// How long it took, by the cloud's clock.
    pub elapsed: Duration,
}

/// What became of one step.
#[derive(Debug)]
pub struct StepReport {
    /// The step.
    pub id: StepId,
    /// The unit it works on.
    pub unit: UnitAddress,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took, by the cloud's clock; `None` where it did not run.
    pub elapsed: Option<Duration>,
}

/// What became of a step, or of a unit.
#[derive(Debug)]
pub enum Outcome {
    /// Done and remembered.
    Done,
    /// Failed.
    Failed(StepError),
    /// Not tried, since this step failed or was skipped.
    Skipped {
        /// The step.
        because: StepId,
    },
    /// Somebody has to do something, or its window has to open.
    Waiting(WaitsFor),
    /// It goes on in Azure.
    InFlight {
        /// What kept this run from seeing more of it, if anything did.
        unseen: Option<Unseen>,
    },
    /// Not begun.
    Left {
        /// The step it still waits for; `None` where it could have begun, had the run gone on.
        behind: Option<StepId>,
    },
}

/// What kept a run from seeing what became of a step.
#[derive(Debug)]
pub enum Unseen {
    /// It went on, and could not be looked at any more.
    Lost(ArmError),
    /// The run was to end while Azure had not answered yet: only a look can tell whether it was heard.
    Unanswered,
}

/// Why a run ended before its steps were over.
#[derive(Debug)]
pub enum Stopped {
    /// It was asked to.
    Interrupted,
    /// A step failed, and the run was to stop at the first error.
    OnError,
    /// Somebody else kept the lock for too long.
    Locked(Box<Holder>),
    /// Another run took over while this one watched: plan again.
    TakenOver(RunId),
    /// An apply or a destroy closed this one while it watched: what was left is its own, or is taken back.
    Closed,
    /// The store failed.
    Store(StoreError),
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// Everything is done.
    Done,
    /// Something goes on in Azure, or is left to a later run.
    InFlight,
    /// Only things that wait for a person are left.
    Waiting,
    /// Something failed.
    Failed,
}

/// How many units came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
    /// Waiting for a person.
    pub waiting: usize,
    /// Going on in Azure.
    pub in_flight: usize,
    /// Not begun.
    pub left: usize,
}

impl Report {
    /// What became of each unit: the first of its steps that is not done tells, unless that only waits for another one.
    pub fn units(&self) -> BTreeMap<&UnitAddress, &Outcome> {
        by_unit(self.steps.iter().map(|step| (&step.unit, &step.outcome)))
    }

    /// How many units came to what.
    pub fn counts(&self) -> Counts {
        Counts::of(self.steps.iter().map(|step| (&step.unit, &step.outcome)))
    }

    /// What it comes to.
    pub fn conclusion(&self) -> Conclusion {
        Conclusion::of(self.steps.iter().map(|step| &step.outcome), self.stopped.as_ref())
    }
}

fn by_unit<'a>(steps: impl Iterator<Item = (&'a UnitAddress, &'a Outcome)>) -> BTreeMap<&'a UnitAddress, &'a Outcome> {
    let mut units: BTreeMap<&UnitAddress, &Outcome> = BTreeMap::new();
    for (unit, outcome) in steps {
        let told = units.entry(unit).or_insert(outcome);
        match (&**told, outcome) {
            (Outcome::Done, _)
            | (Outcome::Left { .. }, Outcome::Failed(_) | Outcome::Waiting(_) | Outcome::InFlight { .. }) => {
                *told = outcome;
            }
            (
                Outcome::Left { .. }
                | Outcome::Failed(_)
                | Outcome::Skipped { .. }
                | Outcome::Waiting(_)
                | Outcome::InFlight { .. },
                _,
            ) => {}
        }
    }
    units
}

impl Counts {
    /// Of these steps, each with its unit.
    pub(super) fn of<'a>(steps: impl Iterator<Item = (&'a UnitAddress, &'a Outcome)>) -> Self {
        let mut counts = Self::default();
        for outcome in by_unit(steps).into_values() {
            match outcome {
                Outcome::Done => counts.done += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::Skipped { .. } => counts.skipped += 1,
                Outcome::Waiting(WaitsFor::Window { holds: Held::Start, .. }) => counts.left += 1,
                Outcome::Waiting(WaitsFor::Window {
                    holds: Held::Cutover, ..
                }) => counts.in_flight += 1,
                Outcome::Waiting(_) => counts.waiting += 1,
                Outcome::InFlight { .. } => counts.in_flight += 1,
                Outcome::Left { .. } => counts.left += 1,
            }
        }
        counts
    }
}

/// In the words that a command ends with and the history keeps: `4 units done, 1 going on and 2 not begun`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            done,
            failed,
            skipped,
            waiting,
            in_flight,
            left,
        } = *self;
        let others = [
            (failed, "failed"),
            (skipped, "skipped"),
            (waiting, "waiting"),
            (in_flight, "going on"),
            (left, "not begun"),
        ];
        let others = others.into_iter().filter(|(number, _)| *number > 0);
        let others: Vec<String> = others.map(|(number, word)| format!("{number} {word}")).collect();
        write!(f, "{done} {} done", if done == 1 { "unit" } else { "units" })?;
        match others.split_last() {
            None => Ok(()),
            Some((last, [])) => write!(f, " and {last}"),
            Some((last, rest)) => write!(f, ", {} and {last}", rest.join(", ")),
        }
    }
}

impl Conclusion {
    /// What these outcomes come to, of a run that ended before they were over where it was stopped.
    pub(super) fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>, stopped: Option<&Stopped>) -> Self {
        let worst = outcomes.map(Outcome::conclusion).max().unwrap_or(Self::Done);
        match stopped {
            None => worst,
            Some(Stopped::Interrupted) if worst == Self::Waiting => Self::InFlight,
            Some(Stopped::Interrupted) => worst,
            // Nothing went wrong: what is left is the other run's.
            Some(Stopped::TakenOver(_) | Stopped::Closed) => worst.max(Self::InFlight),
            Some(Stopped::OnError | Stopped::Locked(_) | Stopped::Store(_)) => Self::Failed,
        }
    }

    /// The exit code of a command that carries out nothing else.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::InFlight => 3,
            Self::Waiting => 4,
        }
    }
}

impl Outcome {
    /// What it comes to.
    pub fn conclusion(&self) -> Conclusion {
        match self {
            Self::Done => Conclusion::Done,
            Self::Failed(_) | Self::Skipped { .. } => Conclusion::Failed,
            Self::Waiting(waits) if waits.is_person() => Conclusion::Waiting,
            Self::Waiting(_) | Self::InFlight { .. } | Self::Left { .. } => Conclusion::InFlight,
        }
    }
}
