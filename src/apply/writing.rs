//! When a run holds the state's lock, and what it checks when it takes it again. The lock guards writing, not waiting: a run
//! that only watches lets it go, so that others can work in between.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use pgferry_state::{Edit, Held, OpenRun, RunId, RunOutcome, Snapshot, StepPhase, StoreError};

use super::Part;
use super::error::{ApplyError, Moved};
use super::journal::{Journal, end, journal_step, lock};
use super::noting::removed;
use super::observer::Event;
use super::report::{Outcome, Stopped};
use super::resume::closing;
use super::run::{Interrupted, Run, in_full};
use super::schedule::{At, Standing};
use crate::address::UnitAddress;
use crate::plan::StepId;
use crate::plan::canonical::Fingerprint;

/// What an interrupted run has for its last commit and for letting the lock go.
const LAST_WORDS: Duration = Duration::from_millis(500);

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
        let interrupted = self.interrupted == Interrupted::Yes;
        match self.stopped {
            Some(Stopped::Locked(_) | Stopped::TakenOver(_) | Stopped::Closed) => return,
            Some(Stopped::Store(_) | Stopped::Interrupted | Stopped::OnError) | None => {}
        }
        let wall = self.ports.wall;
        let closed = async {
            let last = self.ending();
            if !self.lock.is_held() {
                if last.is_none() && self.deferred.is_empty() {
                    return Ok(());
                }
                let patience = if interrupted {
                    Duration::ZERO
                } else {
                    self.options.relock_timeout
                };
                let (held, snapshot) = self.taking(patience).await.map_err(refused)?;
                self.resume_writing(held, &snapshot).await?;
            }
            self.write_and_release(last).await
        };
        let outcome = if interrupted {
            tokio::select! {
                outcome = closed => outcome,
                () = wall.sleep(LAST_WORDS) => Ok(()),
            }
        } else {
            closed.await
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
        let mut counts = Counts::default();
        for state in &self.steps {
            match &state.outcome {
                Some(Outcome::Done) => counts.done += 1,
                Some(Outcome::Failed(error)) if error.is_open_ended() => counts.open += 1,
                Some(Outcome::Failed(_)) => counts.failed += 1,
                Some(Outcome::Skipped { .. }) => counts.skipped += 1,
                Some(Outcome::Left { .. }) => counts.left += 1,
                Some(Outcome::Waiting(_) | Outcome::InFlight { .. }) | None => counts.open += 1,
            }
        }
        let given_up = matches!(self.stopped, Some(Stopped::OnError));
        if counts.open > 0 || (counts.left > 0 && !given_up) {
            return None;
        }
        let outcome = if counts.failed + counts.skipped + counts.left == 0 {
            RunOutcome::Succeeded
        } else {
            RunOutcome::Failed
        };
        let Counts {
            done,
            failed,
            skipped,
            left,
            open: _,
        } = counts;
        let what = self.order.plan.mode.command();
        let summary = format!("{what}: {done} steps done, {failed} failed, {skipped} skipped, {left} not begun");
        Some(end(&self.ports, self.order.run, outcome, summary))
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

/// How many steps came to what.
#[derive(Default)]
struct Counts {
    done: usize,
    failed: usize,
    skipped: usize,
    left: usize,
    open: usize,
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
        .filter(|entry| entry.plan_fingerprint.parse::<Fingerprint>().is_ok())
        .count();
    let closed = snapshot.history.iter().rev().find(|entry| entry.run == run);
    later <= 1 && closed.is_some_and(|entry| entry.outcome == RunOutcome::Abandoned)
}

fn refused(error: StoreError) -> Stopped {
    match error {
        StoreError::Locked(holder) => Stopped::Locked(Box::new(holder)),
        other => Stopped::Store(other),
    }
}
