//! What commands about one migration share: the lock for one call, the journal it is written to, and the watch that
//! follows. They work beside a run that only watches, so they write into its journal where one is open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{Account, Edit, HistoryEntry, OpenRun, RecordKey, RunId, RunOutcome, StepId as JournalStep};

use super::deed::Deed;
use super::error::{ApplyError, StepError};
use super::journal::{Journal, end, lock};
use super::memory::record_key;
use super::observer::Observer;
use super::report::Conclusion;
use super::seen::TablesSeen;
use super::step::{Doer, Fruit, Left, Performed};
use super::watch::{Goal, Look, Sight, Watcher};
use super::writing::failure;
use super::{Interrupt, Options, Ports};
use crate::address::UnitAddress;
use crate::plan::step::Remember;
use crate::plan::{Base, Mode, Op, Plan, Step, StepId};

/// One step that a person asked for.
pub(super) struct ByHand<'a> {
    pub(super) ports: Ports<'a>,
    pub(super) options: &'a Options,
    pub(super) interrupt: &'a Interrupt,
    pub(super) observer: &'a dyn Observer,
    pub(super) unit: &'a UnitAddress,
    /// How many tables were seen, from the first look to the call.
    pub(super) seen: Arc<TablesSeen>,
}

/// The call's line in the history, and whose journal the call is written to.
struct Entry<'a> {
    /// The run that the history names.
    own: RunId,
    started: Timestamp,
    /// What was done, in a few words.
    fingerprint: &'a str,
    whose: Whose,
}

/// Whose journal the call is written to.
enum Whose {
    /// One of its own, closed afterwards.
    Own,
    /// That of a run that watches, or was interrupted: it stays open, so the history gets a line apart from it.
    Open,
}

impl<'a> ByHand<'a> {
    /// Makes one journaled call under the lock. `fingerprint` says in the history what was done.
    pub(super) async fn act(&self, op: Op, deed: Deed<'_>, fingerprint: &str) -> Result<Performed, ApplyError> {
        let key = record_key(self.unit)?;
        let own = RunId::random();
        let started = self.ports.wall.now();
        let patience = self.options.lock_timeout;
        let held = lock(&self.ports, self.ports.caller, own, patience, self.observer).await?;
        let snapshot = held.snapshot().await?;
        let (run, id, whose) = match &snapshot.run {
            Some(open) => (open.id, free_step(open), Whose::Open),
            None => (own, StepId(0), Whose::Own),
        };
        let step = self.step(id, op);
        let journal = Arc::new(Journal::new(held, run, snapshot.lineage));
        let entry = Entry {
            own,
            started,
            fingerprint,
            whose,
        };
        if let Whose::Own = entry.whose {
            let began = journal.write(self.opening(&entry, &step, snapshot.lineage.to_string()));
            began.await?;
        }
        let performed = self.perform(&step, &key, &journal, deed).await;
        let edits = self.closing(run, &step, &entry, &performed);
        journal.write(edits).await?;
        if let Some(journal) = Arc::into_inner(journal) {
            journal.release().await?;
        }
        performed.map_err(|source| self.failed(source))
    }

    async fn perform(
        &self,
        step: &Step,
        key: &RecordKey,
        journal: &Arc<Journal>,
        deed: Deed<'_>,
    ) -> Result<Performed, StepError> {
        let mut doer = Doer {
            ports: self.ports,
            journal: Arc::clone(journal),
            observer: self.observer,
            interrupt: self.interrupt,
            step,
            key,
            attempts: 0,
            seen: Arc::clone(&self.seen),
            left: None,
        };
        doer.perform(deed).await
    }

    fn step(&self, id: StepId, op: Op) -> Step {
        Step {
            id,
            unit: self.unit.clone(),
            op,
            after: BTreeMap::new(),
            behind: std::collections::BTreeSet::new(),
            scopes: std::collections::BTreeSet::new(),
            patience: Some(Duration::from_secs(5 * 60)),
            then: Remember::Unchanged,
        }
    }

    fn opening(&self, entry: &Entry<'_>, step: &Step, lineage: String) -> Vec<Edit> {
        let caller = self.ports.caller;
        let plan = Plan {
            format: Plan::FORMAT,
            mode: Mode::Apply,
            base: Base {
                lineage: Some(lineage),
                cloud: caller.cloud,
                subscription: caller.subscription.clone(),
                records: BTreeMap::new(),
                snapshot: None,
            },
            changes: Vec::new(),
            kept: 0,
            drift: Vec::new(),
            losses: Vec::new(),
            findings: Vec::new(),
            steps: vec![step.clone()],
            outputs: BTreeMap::new(),
            moves: Vec::new(),
            checks: Vec::new(),
            left_out: Vec::new(),
            outlooks: BTreeMap::new(),
            outputs_before: BTreeMap::new(),
        };
        let begin = Edit::BeginRun {
            approval: caller.approval,
            run: entry.own,
            started: entry.started,
            by: caller.who.clone(),
            plan: serde_json::to_value(plan).expect("a plan has text keys only, so it is always JSON"),
            plan_fingerprint: entry.fingerprint.to_owned(),
        };
        vec![Edit::Bind(caller.binding()), begin]
    }

    fn closing(
        &self,
        run: RunId,
        step: &Step,
        entry: &Entry<'_>,
        performed: &Result<Performed, StepError>,
    ) -> Vec<Edit> {
        let journal = JournalStep::new(step.id.0);
        let (edit, outcome, what) = match performed {
            // The next apply closes it: what became of it shows in the migration.
            Ok(Performed::Left(Left::InAzure)) => match entry.whose {
                Whose::Own => return Vec::new(),
                Whose::Open => {
                    let what = "sent, and not known whether it was heard";
                    return vec![self.told(entry, RunOutcome::Abandoned, what, None)];
                }
            },
            Ok(Performed::Left(Left::NotThere)) => {
                let message = "interrupted before Azure took it on".to_owned();
                let failed = Edit::Failed {
                    run,
                    step: journal,
                    message: message.clone(),
                };
                (failed, RunOutcome::Abandoned, message)
            }
            Ok(Performed::Done(fruit)) => (
                Edit::Done { run, step: journal },
                RunOutcome::Succeeded,
                asked(&step.op, fruit).to_owned(),
            ),
            Err(error) => {
                let message = super::run::in_full(error);
                let failed = Edit::Failed {
                    run,
                    step: journal,
                    message: message.clone(),
                };
                (failed, RunOutcome::Failed, message)
            }
        };
        vec![edit, self.told(entry, outcome, &what, performed.as_ref().err())]
    }

    /// The line in the history.
    fn told(&self, entry: &Entry<'_>, outcome: RunOutcome, what: &str, error: Option<&StepError>) -> Edit {
        let summary = format!("{} {}: {what}", self.ports.caller.command, self.unit);
        // Where the call was made, the command still watches what comes of it.
        let exit = error.map(|_| Conclusion::Failed.exit_code());
        let failures = error.map(|error| failure(self.unit, error)).into_iter().collect();
        match entry.whose {
            Whose::Own => end(&self.ports, entry.own, outcome, summary, (exit, failures)),
            Whose::Open => Edit::Log(HistoryEntry {
                approval: self.ports.caller.approval,
                account: Account {
                    ended_by: None,
                    exit,
                    failures,
                },
                run: entry.own,
                started: entry.started,
                finished: self.ports.wall.now(),
                by: self.ports.caller.who.clone(),
                plan_fingerprint: entry.fingerprint.to_owned(),
                outcome,
                summary,
            }),
        }
    }

    /// Watches until there is something to say that ends a command: a person's command does not wait for other persons.
    pub(super) async fn watch<'p>(&self, mut watcher: Watcher<'p>) -> Watched<'p> {
        loop {
            let look = Look {
                arm: self.ports.arm,
                clock: self.ports.clock,
                observer: self.observer,
                seen: Arc::clone(&self.seen),
            };
            let pause = watcher.pause();
            let next = async {
                if !pause.is_zero() {
                    self.ports.clock.sleep(pause).await;
                }
                watcher.look(look).await
            };
            tokio::select! {
                biased;
                () = self.interrupt.wait() => return Watched::Interrupted,
                (next, sight) = next => match sight {
                    Sight::Changed(None) | Sight::Nothing => watcher = next,
                    Sight::Passed(_) | Sight::Failed(_) | Sight::Asks(..) | Sight::Changed(Some(_)) | Sight::Lost(_) => {
                        return Watched::Seen(sight);
                    }
                },
            }
        }
    }

    /// A watcher for this unit.
    pub(super) fn watcher<'p>(&self, goal: Goal<'p>, patience: Option<Duration>) -> Watcher<'p>
    where
        'a: 'p,
    {
        Watcher::new(self.unit, goal, patience, self.ports.clock.now())
    }

    /// The command's error for a step that failed.
    pub(super) fn failed(&self, source: StepError) -> ApplyError {
        ApplyError::Step {
            unit: self.unit.clone(),
            source: Box::new(source),
        }
    }
}

/// How a watch ended.
pub(super) enum Watched<'p> {
    Seen(Sight<'p>),
    Interrupted,
}

/// What a call came to, for the history: what the service makes of it shows in the migration, not here.
fn asked(op: &Op, fruit: &Fruit) -> &'static str {
    match (op, fruit.triggered) {
        (Op::Cutover { .. }, Some(_)) => "triggered",
        (Op::Cutover { .. }, None) => "not triggered, it was cut over already",
        (Op::Await(_), _) => "asked for",
        (Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Gate(_) | Op::Note, _) => "done",
    }
}

/// A number that no step of the open run has: plans count up from zero, commands count down from the top.
fn free_step(open: &OpenRun) -> StepId {
    let taken = |id: &u32| open.steps.contains_key(&JournalStep::new(*id));
    let free = (0..=u32::MAX).rev().find(|id| !taken(id));
    StepId(free.unwrap_or(u32::MAX))
}
