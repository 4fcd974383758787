//! The lock, and what is written under it: intents before calls, operations once accepted, outcomes with their records.
//! It makes no call to Azure.

use std::time::Duration;

use pgferry_state::{
    Account, Edit, Held, Holder, Intent, Lineage, RecordKey, RunId, RunOutcome, StepId as JournalStep, Store,
    StoreError, UnitFailure,
};
use sha2::{Digest, Sha256};

use super::error::ApplyError;
use super::observer::{Event, Observer, Unobserved};
use super::{Caller, Ports};
use crate::arm::operation::Operation;
use crate::arm::{Body, Call, Draft};
use crate::clock::Clock;
use crate::plan::StepId;

/// How often a lock that somebody else holds is tried, by the wall's clock.
const KNOCK: Duration = Duration::from_millis(250);

/// A hash of what is sent, as it may be shown: a hash over secrets could be guessed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BodyHash(String);

/// An intended call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intended<'a> {
    pub(super) step: JournalStep,
    pub(super) attempt: u32,
    pub(super) unit: &'a RecordKey,
    pub(super) call: &'a Call,
    pub(super) body: &'a BodyHash,
}

/// The lock, the run it writes for, and whose state that is.
pub(super) struct Journal {
    held: Box<dyn Held>,
    run: RunId,
    lineage: Lineage,
}

impl BodyHash {
    pub(super) fn of(body: &Body<Draft>) -> Self {
        let digest = Sha256::digest(body.to_shown().to_string().as_bytes());
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Of a call without a body.
    pub(super) fn none() -> Self {
        Self(String::new())
    }
}

/// The journal's number for a step of a plan.
pub(super) fn journal_step(id: StepId) -> JournalStep {
    JournalStep::new(id.0)
}

/// Takes the lock for a run, waiting up to `patience` of wall time for another holder.
///
/// # Errors
/// When it is still held then, or the store fails.
pub(super) async fn lock(
    ports: &Ports<'_>,
    caller: &Caller,
    run: RunId,
    patience: Duration,
    observer: &dyn Observer,
) -> Result<Box<dyn Held>, StoreError> {
    lock_as(ports, caller.holder(Some(run), ports.wall.now()), patience, observer).await
}

/// The same in the name of this holder, which may have no run.
///
/// # Errors
/// When it is still held then, or the store fails.
pub(super) async fn lock_as(
    ports: &Ports<'_>,
    holder: Holder,
    patience: Duration,
    observer: &dyn Observer,
) -> Result<Box<dyn Held>, StoreError> {
    let awaited = |holder: &Holder| observer.event(ports.clock.now(), &Event::LockAwaited { holder });
    let held = acquire(ports.store, holder, ports.wall, patience, awaited).await?;
    observer.event(ports.clock.now(), &Event::LockTaken);
    Ok(held)
}

/// Takes the lock of a store, waiting up to `patience` of wall time for another holder. `awaited` is told of each other one
/// once.
///
/// # Errors
/// When it is still held then, or the store fails.
pub async fn acquire(
    store: &dyn Store,
    holder: Holder,
    wall: &dyn Clock,
    patience: Duration,
    mut awaited: impl FnMut(&Holder) + Send,
) -> Result<Box<dyn Held>, StoreError> {
    let began = wall.now();
    let mut told: Option<Holder> = None;
    loop {
        let holder = Holder {
            since: wall.now(),
            ..holder.clone()
        };
        match store.lock(Intent { holder }).await {
            Err(StoreError::Locked(other)) if super::elapsed(began, wall.now()) < patience => {
                if told.as_ref() != Some(&other) {
                    awaited(&other);
                    told = Some(other);
                }
                wall.sleep(KNOCK).await;
            }
            taken => return taken,
        }
    }
}

/// Whether the state could be written: damage shows here, before anybody is asked to agree to anything. That somebody else
/// writes now is no damage.
///
/// # Errors
/// When the store cannot be opened for writing.
pub async fn check(ports: &Ports<'_>) -> Result<(), ApplyError> {
    let nothing = Duration::ZERO;
    match lock(ports, ports.caller, RunId::random(), nothing, &Unobserved).await {
        Ok(held) => Ok(held.release().await?),
        Err(StoreError::Locked(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Journal {
    pub(super) fn new(held: Box<dyn Held>, run: RunId, lineage: Lineage) -> Self {
        Self { held, run, lineage }
    }

    /// Whose state it is: what is made under this lock is tagged with it, where Azure has tags.
    pub(super) fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Makes an intent durable; the call may follow.
    pub(super) async fn intend(&self, intended: Intended<'_>) -> Result<(), StoreError> {
        let edit = Edit::Intent {
            run: self.run,
            step: intended.step,
            attempt: intended.attempt,
            unit: intended.unit.to_string(),
            method: intended.call.verb.method().to_owned(),
            body_hash: intended.body.0.clone(),
        };
        self.held.commit(vec![edit]).await.map(|_| ())
    }

    /// Notes how to ask for the outcome of what Azure took on.
    pub(super) async fn accept(&self, step: JournalStep, operation: &Operation) -> Result<(), StoreError> {
        let operation = serde_json::to_value(operation).expect("an operation has text keys only, so it is always JSON");
        let edit = Edit::Accepted {
            run: self.run,
            step,
            operation,
        };
        self.held.commit(vec![edit]).await.map(|_| ())
    }

    /// Writes these edits at once.
    pub(super) async fn write(&self, edits: Vec<Edit>) -> Result<pgferry_state::Committed, StoreError> {
        self.held.commit(edits).await
    }

    /// Lets the next writer in.
    pub(super) async fn release(self) -> Result<(), StoreError> {
        self.held.release().await
    }
}

/// The edit that closes a run. An exit code is that of whoever ends it, where the run is its own.
pub(super) fn end(
    ports: &Ports<'_>,
    run: RunId,
    outcome: RunOutcome,
    summary: String,
    (exit, failures): (Option<u8>, Vec<UnitFailure>),
) -> Edit {
    Edit::EndRun {
        run,
        finished: ports.wall.now(),
        outcome,
        summary,
        account: Account {
            ended_by: Some(ports.caller.who.clone()),
            exit,
            failures,
        },
    }
}
