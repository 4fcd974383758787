//! What a run makes of what ended: outputs kept, outcomes recorded, what comes next let go or skipped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use pgferry_state::{Committed, Edit, RecordKey};

use super::OnError;
use super::deed::brought;
use super::elapsed;
use super::error::StepError;
use super::journal::{Journal, journal_step};
use super::observer::{Downtime, Event};
use super::order::{creates, remembered};
use super::report::{Outcome, Stopped, Unseen};
use super::run::{Acted, Answering, Recorded, Run, Seen, in_full};
use super::schedule::{At, Ending};
use super::step::{Fruit, Left, Performed};
use super::watch::Sight;
use super::writing::Lock;
use crate::arm::ArmId;
use crate::arm::migration::{self, Migration};
use crate::plan::step::Until;
use crate::plan::{Op, Step};

impl<'a> Run<'a> {
    pub(super) fn acted(&mut self, acted: Acted<'a>) {
        let Acted {
            at,
            attempts,
            left,
            answering,
            result,
        } = acted;
        self.state(at).attempts = attempts;
        match (result, answering) {
            (Ok(Performed::Done(fruit)), None) => {
                self.schedule.free(at);
                self.keep(at, &fruit);
                match &self.lock {
                    Lock::Held(journal) => self.record(at, &Arc::clone(journal), &fruit),
                    // A call is only in flight while the lock is held.
                    Lock::Taking(_) | Lock::Free => self.remember_later(at, &fruit),
                }
            }
            (Ok(Performed::Done(_)), Some(answering)) => self.answered(at, answering),
            (Ok(Performed::Left(left)), _) => {
                let goes_on = left == Left::InAzure || matches!(self.order.step(at).op, Op::Cutover { .. });
                self.state(at).outcome = Some(match goes_on {
                    true => Outcome::InFlight { unseen: None },
                    false => Outcome::Left { behind: None },
                });
            }
            (Err(StepError::Store(error)), _) => {
                self.state(at).outcome = Some(Outcome::InFlight { unseen: None });
                self.stop(Stopped::Store(error));
            }
            (
                Err(StepError::WindowClosed {
                    holds,
                    window,
                    opens: Some(opens),
                }),
                _,
            ) => self.hold(at, holds, &window, opens),
            (Err(error), _) => {
                if let Some(id) = left {
                    self.remember_left(at, id);
                }
                self.fail(at, error);
            }
        }
    }

    /// What a failed create left is ours: it is remembered, so that it can be put again and, once it is no longer declared,
    /// deleted.
    fn remember_left(&mut self, at: At, id: ArmId) {
        let key = self.order.key(at);
        if creates(self.order.step(at)) {
            let fruit = Fruit {
                id: Some(id),
                ..Fruit::default()
            };
            let kept = remembered(self.order.step(at), key, &fruit, self.ports.clock.now());
            self.deferred.extend(kept);
        }
    }

    fn answered(&mut self, at: At, answering: Answering<'a>) {
        let Answering {
            mut watcher,
            substate,
            answer,
        } = answering;
        self.tell(&Event::Answered {
            unit: &self.order.step(at).unit,
            substate: &substate,
            answer,
        });
        watcher.has_answered(substate);
        if self.stopped.is_none() {
            self.watch(at, watcher);
        }
    }

    /// Keeps what later steps hang on.
    fn keep(&mut self, at: At, fruit: &Fruit) {
        let step = self.order.step(at);
        if let (Op::Put { brings, .. }, Some(object)) = (&step.op, &fruit.object) {
            for (attribute, value) in brought(brings, object) {
                self.outputs.insert(&step.unit.resource, attribute, value);
            }
        }
        if let (Op::Cutover { migration, .. }, Some(triggered)) = (&step.op, fruit.triggered) {
            self.triggered.insert(migration.clone(), triggered);
        }
    }

    /// Writes that a step is done, with what it makes remembered, in one commit.
    pub(super) fn record(&mut self, at: At, journal: &Arc<Journal>, fruit: &Fruit) {
        let mut edits = std::mem::take(&mut self.deferred);
        edits.extend(self.edits(at, fruit));
        let removed = removed(&edits);
        let journal = Arc::clone(journal);
        let write = async move {
            let result = journal.write(edits).await;
            Recorded { at, removed, result }
        };
        self.recording.push(write.boxed());
    }

    fn remember_later(&mut self, at: At, fruit: &Fruit) {
        let own = self.edits(at, fruit);
        self.deferred.extend(own);
        self.succeed(at);
    }

    fn edits(&self, at: At, fruit: &Fruit) -> Vec<Edit> {
        let step = self.order.step(at);
        let remembered = remembered(step, self.order.key(at), fruit, self.ports.clock.now());
        let done = Edit::Done {
            run: self.order.run,
            step: journal_step(step.id),
        };
        std::iter::once(done).chain(remembered).collect()
    }

    pub(super) fn recorded(&mut self, recorded: Recorded) {
        let Recorded { at, removed, result } = recorded;
        match result {
            Ok(committed) => {
                self.committed(committed, removed);
                self.succeed(at);
            }
            Err(error) => {
                self.state(at).outcome = Some(Outcome::InFlight { unseen: None });
                self.stop(Stopped::Store(error));
            }
        }
    }

    pub(super) fn committed(&mut self, committed: Committed, removed: Vec<RecordKey>) {
        self.revisions.extend(removed.into_iter().map(|key| (key, None)));
        let written = committed.revisions.into_iter();
        self.revisions
            .extend(written.map(|(key, revision)| (key, Some(revision))));
    }

    fn succeed(&mut self, at: At) {
        let elapsed = self.ended(at, Outcome::Done);
        let step = self.order.step(at);
        self.tell(&Event::StepFinished { step, elapsed });
        self.schedule.over(at, Ending::Succeeded);
    }

    pub(super) fn fail(&mut self, at: At, error: StepError) {
        let step = self.order.step(at);
        let ending = ending(step, &error);
        if !error.is_open_ended() {
            self.deferred.push(Edit::Failed {
                run: self.order.run,
                step: journal_step(step.id),
                message: in_full(&error),
            });
        }
        let now = self.ports.clock.now();
        let elapsed = self
            .state(at)
            .started
            .map_or(Duration::ZERO, |started| elapsed(started, now));
        self.tell(&Event::StepFailed {
            step,
            error: &error,
            elapsed,
        });
        self.ended(at, Outcome::Failed(error));
        self.schedule.free(at);
        for skipped in self.schedule.over(at, ending) {
            let because = self.order.step(skipped.because);
            self.state(skipped.at).outcome = Some(Outcome::Skipped { because: because.id });
            let step = self.order.step(skipped.at);
            self.tell(&Event::StepSkipped { step, because });
        }
        if self.options.on_error == OnError::Stop {
            self.stop(Stopped::OnError);
        }
    }

    fn ended(&mut self, at: At, outcome: Outcome) -> Duration {
        let now = self.ports.clock.now();
        let state = self.state(at);
        let took = state.started.map_or(Duration::ZERO, |started| elapsed(started, now));
        state.elapsed = Some(took);
        state.span.end(&outcome, state.attempts);
        state.outcome = Some(outcome);
        took
    }

    pub(super) fn seen(&mut self, seen: Seen<'a>) {
        let (at, watcher, sight) = seen;
        if let Sight::Nothing = sight {
            return self.watch(at, watcher);
        }
        let was_waiting = self.waiting.remove(&at).is_some();
        let unit = &self.order.step(at).unit;
        if was_waiting && !matches!(sight, Sight::Changed(Some(_))) {
            self.tell(&Event::GoesOn { unit });
        }
        match sight {
            Sight::Changed(Some(waits)) => {
                self.tell(&Event::Waiting { unit, waits: &waits });
                self.waiting.insert(at, waits);
                self.watch(at, watcher);
            }
            Sight::Changed(None) | Sight::Nothing => self.watch(at, watcher),
            Sight::Asks(substate, answer) => {
                let answering = Answering {
                    watcher,
                    substate,
                    answer,
                };
                self.answers.push_back((at, answering));
            }
            Sight::Passed(migration) => self.passed(at, migration.as_deref()),
            Sight::Failed(error) => self.fail(at, error),
            Sight::Lost(error) => {
                let unseen = Some(Unseen::Lost(error));
                self.state(at).outcome = Some(Outcome::InFlight { unseen });
            }
        }
    }

    fn passed(&mut self, at: At, migration: Option<&Migration>) {
        if let Some(over) = migration.filter(|it| it.state.ending() == Some(migration::Ending::Succeeded)) {
            self.succeeded.insert(over.id.clone());
        }
        if let Op::Await(watch) = &self.order.step(at).op
            && watch.until == Until::Succeeded
            && let Some(triggered) = self.triggered.remove(&watch.migration)
        {
            let told = migration.and_then(|migration| migration.ended);
            let told = told.filter(|ended| *ended >= triggered);
            let ended = told.unwrap_or_else(|| self.ports.clock.now());
            let downtime = Downtime {
                unit: self.order.step(at).unit.clone(),
                migration: watch.migration.clone(),
                triggered,
                took: elapsed(triggered, ended),
            };
            self.tell(&Event::Downtime(&downtime));
            self.downtimes.push(downtime);
        }
        self.remember_later(at, &Fruit::default());
    }
}

/// The records that a commit takes away.
pub(super) fn removed(edits: &[Edit]) -> Vec<RecordKey> {
    let removed = edits.iter().filter_map(|edit| match edit {
        Edit::Remove { key } => Some(key.clone()),
        Edit::Bind(_) | Edit::BeginRun { .. } | Edit::Intent { .. } | Edit::Accepted { .. } => None,
        Edit::Done { .. } | Edit::Failed { .. } | Edit::Put { .. } | Edit::PutIf { .. } => None,
        Edit::Rename { .. } | Edit::Adopt { .. } | Edit::Replace { .. } => None,
        Edit::Log(_) | Edit::EndRun { .. } => None,
    });
    removed.collect()
}

/// Whether a failed step's migration may still hold its target.
fn ending(step: &Step, error: &StepError) -> Ending {
    match (&step.op, error) {
        (Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, StepError::Ended(_))
        | (Op::Await(_) | Op::Gate(_), StepError::Vanished { .. }) => Ending::Failed,
        (Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, _) => Ending::FailedHolding,
        (Op::Start { .. }, error) if error.is_open_ended() => Ending::FailedHolding,
        (Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Note, _) => Ending::Failed,
    }
}
