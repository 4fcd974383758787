//! When a run holds the state's lock, and what it checks when it takes it again. The lock guards writing, not waiting: a run
//! that only watches lets it go, so that others can work in between.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use pgferry_state::{
    Account, Edit, Held, HistoryEntry, OpenRun, RunId, RunOutcome, Snapshot, StepPhase, StoreError, UnitFailure,
};

use super::error::{ApplyError, Moved, StepError};
use super::journal::{Journal, end, journal_step, lock};
use super::noting::removed;
use super::observer::Event;
use super::report::{Conclusion, Counts, Outcome, Stopped};
use super::resume::closing;
use super::run::{Interrupted, Run, in_full};
use super::schedule::{At, Standing};
use super::span::kind;
use super::{Part, elapsed};
use crate::address::UnitAddress;
use crate::plan::StepId;
use crate::plan::canonical::Fingerprint;

/// What an interrupted run has altogether, until its last commit is made and the lock let go: less than the two seconds that it
/// is given, for what the process does afterwards.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// What of it is kept for that, however long calls took to answer.
const LAST_WORD: Duration = Duration::from_millis(500);

/// When an interrupted run gives up taking the lock, after the signal: one that is not taken by then could not be written under
/// and let go in time.
const LAST_LOCK: Duration = Duration::from_millis(900);

/// How long somebody else's lock is waited for, only to write that this process leaves; an interrupted one has less.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The lock, and what the store held when it was taken.
pub(super) type Taken = (Box<dyn Held>, Snapshot);

/// Whether this run holds the lock.
pub(super) enum Lock<'a> {
    Free,
    Taking(BoxFuture<'a, Result<Taken, StoreError>>),
    Held(Arc<Journal>),
}

impl Lock<'_> {
    pub(super) fn is_held(&self) -> bool {
        match self {
            Self::Held(_) => true,
            Self::Free | Self::Taking(_) => false,
        }
    }

    /// Returns once a lock that is being taken is taken, or is not to be had.
    pub(super) async fn taken(&mut self) -> Result<Taken, StoreError> {
        match self {
            Self::Taking(taking) => taking.await,
            Self::Free | Self::Held(_) => pending().await,
        }
    }
}

impl<'a> Run<'a> {
    /// Takes the lock for the first time and opens the run.
    pub(super) async fn open(&mut self) -> Result<(), ApplyError> {
        let (held, snapshot) = self.taking(self.options.lock_timeout).await?;
        let checked = self.check(&snapshot);
        let opened = match checked {
            Ok(()) => {
                let before = snapshot.run.as_ref();
                let before = before.and_then(|open| closing(open, &self.ports, self.options));
                let edits = before.into_iter().chain(self.opening()).collect();
                held.commit(edits).await.map(|_| ()).map_err(ApplyError::from)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = opened {
            held.release().await?;
            return Err(error);
        }
        self.lock = Lock::Held(Arc::new(Journal::new(held, self.order.run, snapshot.lineage)));
        self.tell(&Event::RunStarted {
            run: self.order.run,
            steps: self.order.len(),
        });
        Ok(())
    }

    fn check(&self, snapshot: &Snapshot) -> Result<(), ApplyError> {
        let base = &self.order.plan.base;
        if let Some(lineage) = &base.lineage
            && *lineage != snapshot.lineage.to_string()
        {
            return Err(ApplyError::Moved(Moved::Lineage {
                expected: lineage.clone(),
                found: snapshot.lineage,
            }));
        }
        // One of this very name was begun by somebody else from the same file.
        if let Some(open) = &snapshot.run
            && (open.id == self.order.run || open.in_doubt().next().is_some())
        {
            return Err(ApplyError::RunOpen(open.id));
        }
        let moved = self.order.all().filter(|at| self.has_moved(*at, snapshot));
        let units: BTreeSet<&UnitAddress> = moved.map(|at| &self.order.step(at).unit).collect();
        if units.is_empty() {
            return Ok(());
        }
        Err(ApplyError::Moved(Moved::Records(units.into_iter().cloned().collect())))
    }

    fn has_moved(&self, at: At, snapshot: &Snapshot) -> bool {
        let key = self.order.key(at);
        let found = snapshot.records.get(key).map(|record| record.revision);
        self.revisions.get(key).copied().flatten() != found
    }

    /// Stores the plan, and what this run did of it already.
    fn opening(&self) -> Vec<Edit> {
        let run = self.order.run;
        let begin = Edit::BeginRun {
            run,
            started: self.ports.wall.now(),
            by: self.ports.caller.who.clone(),
            plan: serde_json::to_value(self.order.plan).expect("a plan has text keys only, so it is always JSON"),
            plan_fingerprint: self.order.fingerprint.to_owned(),
            approval: self.approval,
        };
        let mut edits = vec![Edit::Bind(self.ports.caller.binding()), begin];
        for (at, state) in self.order.all().zip(&self.steps) {
            let step = journal_step(self.order.step(at).id);
            match &state.outcome {
                Some(Outcome::Done) => edits.push(Edit::Done { run, step }),
                // Whoever closed this run has looked what became of it.
                Some(Outcome::Failed(error)) if error.is_open_ended() => {}
                Some(Outcome::Failed(error)) => edits.push(Edit::Failed {
                    run,
                    step,
                    message: in_full(error),
                }),
                Some(
                    Outcome::Skipped { .. } | Outcome::Waiting(_) | Outcome::InFlight { .. } | Outcome::Left { .. },
                )
                | None => {}
            }
        }
        edits
    }

    fn taking(&self, patience: Duration) -> BoxFuture<'a, Result<Taken, StoreError>> {
        let (ports, run, observer) = (self.ports, self.order.run, self.observer);
        async move {
            let held = lock(&ports, ports.caller, run, patience, observer).await?;
            let snapshot = held.snapshot().await?;
            Ok((held, snapshot))
        }
        .boxed()
    }

    /// Starts taking the lock again.
    pub(super) fn begin_locking(&mut self) {
        self.lock = Lock::Taking(self.taking(self.options.relock_timeout));
    }

    /// Goes on with the lock, if this run is still the one that writes.
    pub(super) async fn locked(&mut self, taken: Result<Taken, StoreError>) {
        self.lock = Lock::Free;
        match taken {
            Ok((held, snapshot)) => {
                if let Err(why) = self.resume_writing(held, &snapshot).await {
                    self.stop(why);
                }
            }
            Err(error) => self.stop(refused(error)),
        }
    }

    async fn resume_writing(&mut self, held: Box<dyn Held>, snapshot: &Snapshot) -> Result<(), Stopped> {
        match &snapshot.run {
            // Another process took up this very run while this one watched, and went further.
            Some(open) if open.id == self.order.run && self.is_behind(open) => {
                let stopped = Stopped::TakenOver(open.id);
                held.release().await.map_err(Stopped::Store)?;
                return Err(stopped);
            }
            Some(open) if open.id == self.order.run => {}
            Some(open) => {
                let stopped = Stopped::TakenOver(open.id);
                held.release().await.map_err(Stopped::Store)?;
                return Err(stopped);
            }
            None if !was_set_aside(snapshot, self.order.run) => {
                held.release().await.map_err(Stopped::Store)?;
                return Err(Stopped::Closed);
            }
            // A run of something else began and ended meanwhile and closed this one: it is opened again as it stands.
            None => {
                self.deferred.retain(|edit| !is_outcome(edit));
                held.commit(self.opening()).await.map_err(Stopped::Store)?;
            }
        }
        for at in self.order.all() {
            if self.schedule.standing(at) != Standing::Over && self.has_moved(at, snapshot) {
                self.moved.insert(self.order.key(at).clone());
            }
        }
        self.lock = Lock::Held(Arc::new(Journal::new(held, self.order.run, snapshot.lineage)));
        Ok(())
    }

    /// Whether steps of this run are done that this process has not begun.
    fn is_behind(&self, open: &OpenRun) -> bool {
        let done = open.steps.iter().filter(|(_, entry)| entry.phase == StepPhase::Done);
        done.map(|(id, _)| id).any(|id| {
            let at = self.order.place(StepId(id.get()));
            at.is_some_and(|at| matches!(self.schedule.standing(at), Standing::Waiting | Standing::Ready))
        })
    }

    /// Lets the lock go, since there is nothing to write.
    pub(super) async fn let_go(&mut self) {
        if let Err(why) = self.write_and_release(None).await {
            self.stop(why);
        }
        self.tell(&Event::LockReleased);
    }

    /// Writes what is left to write, closes the run where its steps are over, and lets the lock go.
    pub(super) async fn close(&mut self) {
        if self.options.part == Part::Watching {
            return;
        }
        let wall = self.ports.wall;
        let words_left = match self.interrupted {
            Interrupted::At(then) => Some(LAST_WORDS.saturating_sub(elapsed(then, wall.now())).max(LAST_WORD)),
            Interrupted::No => None,
        };
        // Somebody else's lock is not waited for then.
        let patience = match words_left {
            Some(_) => Duration::ZERO,
            None => self.options.relock_timeout,
        };
        match self.stopped {
            Some(Stopped::Locked(_) | Stopped::TakenOver(_) | Stopped::Closed) => return,
            Some(Stopped::Store(_) | Stopped::Interrupted | Stopped::OnError) | None => {}
        }
        let closed = async {
            let (last, ends) = match self.ending() {
                Some(last) => (last, true),
                None => (self.leaving(), false),
            };
            if !self.lock.is_held() {
                if !ends && self.deferred.is_empty() {
                    self.tell_leaving(last).await;
                    return Ok(());
                }
                let Some(taken) = self.in_time(self.taking(patience)).await else {
                    return Ok(());
                };
                let (held, snapshot) = taken.map_err(refused)?;
                self.resume_writing(held, &snapshot).await?;
            }
            self.write_and_release(Some(last)).await
        };
        let outcome = match words_left {
            Some(left) => tokio::select! {
                outcome = closed => outcome,
                () = wall.sleep(left) => Ok(()),
            },
            None => closed.await,
        };
        // That what was done could not be written is graver than that the run was asked to stop.
        if let Err(why) = outcome
            && matches!(self.stopped, None | Some(Stopped::Interrupted))
        {
            self.stopped = Some(why);
        }
    }

    /// The edit that ends the run, where nothing of it is left to a later one.
    fn ending(&self) -> Option<Edit> {
        let given_up = matches!(self.stopped, Some(Stopped::OnError));
        let mut outcome = RunOutcome::Succeeded;
        for state in &self.steps {
            match &state.outcome {
                Some(Outcome::Done) => {}
                Some(Outcome::Failed(error)) if error.is_open_ended() => return None,
                Some(Outcome::Failed(_) | Outcome::Skipped { .. }) => outcome = RunOutcome::Failed,
                Some(Outcome::Left { .. }) if given_up => outcome = RunOutcome::Failed,
                Some(Outcome::Left { .. } | Outcome::Waiting(_) | Outcome::InFlight { .. }) | None => return None,
            }
        }
        let summary = format!("{}: {}", self.order.plan.mode.command(), self.counts());
        // Checks are judged afterwards, and a run that is done may still exit with what they say.
        let exit = match outcome == RunOutcome::Succeeded && !self.order.plan.checks.is_empty() {
            true => None,
            false => Some(self.exit_code()),
        };
        Some(end(
            &self.ports,
            self.order.run,
            outcome,
            summary,
            (exit, self.failures()),
        ))
    }

    /// The line in the history of a run that stays open, for whoever leaves it: by a wish, an interrupt or for want of a person.
    fn leaving(&self) -> Edit {
        let caller = self.ports.caller;
        let why = match self.stopped {
            Some(Stopped::Interrupted) => "interrupted",
            Some(_) | None => "left",
        };
        let what = caller.command.strip_prefix("pgferry ").unwrap_or(&caller.command);
        Edit::Log(HistoryEntry {
            run: self.order.run,
            started: self.joined,
            finished: self.ports.wall.now(),
            by: caller.who.clone(),
            plan_fingerprint: self.order.fingerprint.to_owned(),
            approval: self.approval,
            outcome: RunOutcome::Left,
            summary: format!("{what}: {why} with {}", self.counts()),
            account: Account {
                ended_by: None,
                exit: Some(self.exit_code()),
                failures: self.failures(),
            },
        })
    }

    /// The lock, unless this run was interrupted and has no time left for it. What is taken after all is let go in passing.
    async fn in_time<T>(&self, taking: impl Future<Output = T>) -> Option<T> {
        let Interrupted::At(then) = self.interrupted else {
            return Some(taking.await);
        };
        let left = LAST_LOCK.saturating_sub(elapsed(then, self.ports.wall.now()));
        tokio::select! {
            taken = taking => Some(taken),
            () = self.ports.wall.sleep(left) => None,
        }
    }

    /// Writes that this process leaves, where nothing else is to be written. What keeps it from that is no failure of the run.
    async fn tell_leaving(&self, line: Edit) {
        let told: Result<(), StoreError> = async {
            let Some(taken) = self.in_time(self.taking(LAST_PATIENCE)).await else {
                tracing::info!("the history does not tell that this process leaves: the lock was not had in time");
                return Ok(());
            };
            let (held, snapshot) = taken?;
            // Whoever closed it, or took it over, has told of it.
            if snapshot.run.is_some_and(|open| open.id == self.order.run) {
                held.commit(vec![line]).await?;
            }
            held.release().await
        }
        .await;
        if let Err(error) = told {
            tracing::info!(%error, "the history does not tell that this process leaves");
        }
    }

    /// The exit code of this process, as far as it is known before checks are judged.
    fn exit_code(&self) -> u8 {
        let outcomes = self.steps.iter().filter_map(|state| state.outcome.as_ref());
        let plan = self.order.plan;
        let beside = if plan.stuck().next().is_some() {
            Conclusion::Failed
        } else if plan.left_waiting().next().is_some() {
            Conclusion::Waiting
        } else if plan.left_behind().next().is_some() {
            Conclusion::InFlight
        } else {
            Conclusion::Done
        };
        Conclusion::of(outcomes, self.stopped.as_ref()).max(beside).exit_code()
    }

    fn failures(&self) -> Vec<UnitFailure> {
        let steps = self.order.all().zip(&self.steps);
        let failed = steps.filter_map(|(at, state)| match &state.outcome {
            Some(Outcome::Failed(error)) => Some((at, error)),
            Some(
                Outcome::Done
                | Outcome::Skipped { .. }
                | Outcome::Waiting(_)
                | Outcome::InFlight { .. }
                | Outcome::Left { .. },
            )
            | None => None,
        });
        failed
            .map(|(at, error)| failure(&self.order.step(at).unit, error))
            .collect()
    }

    /// How many units came to what, so far.
    fn counts(&self) -> Counts {
        let steps = self.order.all().zip(&self.steps);
        Counts::of(steps.filter_map(|(at, state)| Some((&self.order.step(at).unit, state.outcome.as_ref()?))))
    }

    async fn write_and_release(&mut self, last: Option<Edit>) -> Result<(), Stopped> {
        let Lock::Held(journal) = std::mem::replace(&mut self.lock, Lock::Free) else {
            return Ok(());
        };
        let mut edits = std::mem::take(&mut self.deferred);
        edits.extend(last);
        if !edits.is_empty() {
            let gone = removed(&edits);
            let committed = journal.write(edits).await.map_err(Stopped::Store)?;
            self.committed(committed, gone);
        }
        match Arc::into_inner(journal) {
            Some(journal) => journal.release().await.map_err(Stopped::Store),
            // A call was cut short; its lock goes with it.
            None => Ok(()),
        }
    }
}

/// A failure as the history tells it.
pub(super) fn failure(unit: &UnitAddress, error: &StepError) -> UnitFailure {
    UnitFailure {
        unit: unit.to_string(),
        code: kind(error).to_owned(),
        message: in_full(error),
    }
}

fn is_outcome(edit: &Edit) -> bool {
    matches!(edit, Edit::Done { .. } | Edit::Failed { .. })
}

/// Whether a run was closed by one that did something else, and no further one came after that: only the one that closed it
/// has looked whether it takes something back.
fn was_set_aside(snapshot: &Snapshot, run: RunId) -> bool {
    let mut earlier = snapshot.history.iter().rev();
    let later = earlier.by_ref().take_while(|entry| entry.run != run);
    let later = later
        .filter(|entry| entry.outcome != RunOutcome::Left && entry.plan_fingerprint.parse::<Fingerprint>().is_ok())
        .count();
    let mut closed = snapshot.history.iter().rev().filter(|entry| entry.run == run);
    let closed = closed.find(|entry| entry.outcome != RunOutcome::Left);
    later <= 1 && closed.is_some_and(|entry| entry.outcome == RunOutcome::Abandoned)
}

fn refused(error: StoreError) -> Stopped {
    match error {
        StoreError::Locked(holder) => Stopped::Locked(Box::new(holder)),
        other => Stopped::Store(other),
    }
}
