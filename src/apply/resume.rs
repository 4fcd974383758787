//! What to make of a run that was interrupted at any instant: each call whose outcome is unknown is looked up in Azure.
//! Nothing is created here, and nothing is forgotten.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use pgferry_state::{
    Actor, Edit, HistoryEntry, OpenRun, Revision, RunId, RunOutcome, Snapshot, StepId as JournalStep, StepPhase,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::deed::{Start, brought, settle};
use super::error::{ApplyError, StepError};
use super::journal::{Journal, end, journal_step, lock};
use super::observer::{Event, Observer};
use super::order::{Order, creates, remembered};
use super::report::{Counts, Outcome, Report, Unseen};
use super::run::{Run, in_full, migration_of};
use super::schedule::{At, Ending, Standing};
use super::step::{Fruit, PATIENCE, appears, is_cut_over, made_by};
use super::writing::Lock;
use super::{Interrupt, Options, Part, Ports};
use crate::address::UnitAddress;
use crate::arm::migration::{Ending as MigrationEnding, Migration, Standing as MigrationStanding};
use crate::arm::operation::{Follow, Operation};
use crate::arm::{ArmError, ArmId, Body, Call, Condition, Draft, Found, Outputs, Verb};
use crate::plan::batch::{TAG_LINEAGE, TAG_UNIT};
use crate::plan::canonical::Fingerprint;
use crate::plan::step::{StepTarget, is_as_sent};
use crate::plan::{Mode, Op, Plan, Step, StepId};
use crate::secret::{SecretRef, Secrets};

/// Lookups at once.
const AT_ONCE: usize = 10;

/// What became of an open run.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// There was none.
    Nothing,
    /// What became of its calls was found out and is remembered. Now a plan can be made, and the run that begins next closes it.
    Recovered(EarlierRun),
    /// No call of it was in doubt: it left in good order, or is alive and only watches. The run that begins next closes it.
    InOrder(EarlierRun),
    /// This process was asked to stop before it was done; the run is still open.
    Interrupted(RunId),
}

/// A run that another process began, with what this one found out about it.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierRun {
    /// The run.
    pub run: RunId,
    /// Who began it.
    pub by: Actor,
    /// When.
    pub started: Timestamp,
    /// Units whose calls turned out to have happened.
    pub recovered: Vec<UnitAddress>,
    /// Units whose calls turned out not to have happened.
    pub undone: Vec<UnitAddress>,
}

/// What a look at Azure says of a call whose outcome the journal does not know.
enum Finding {
    Happened(Fruit),
    /// It made its object and failed: what there is now is ours, and has to be put again.
    Broken(Fruit, String),
    Not(String),
    /// Nothing hangs on it.
    Indifferent,
}

/// Settles which calls of an interrupted run happened, so that a new plan can be made. The run itself is closed by the next one
/// that begins, once somebody has agreed to that: its process may be alive, and go on with what is left.
///
/// # Errors
/// When the state is locked or cannot be read, or Azure cannot be asked; then its calls stay in doubt.
pub async fn reconcile(
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Settled, ApplyError> {
    let Some(open) = ports.store.load().await?.and_then(|snapshot| snapshot.run) else {
        return Ok(Settled::Nothing);
    };
    let held = lock(ports, ports.caller, open.id, options.lock_timeout, observer).await?;
    let snapshot = held.snapshot().await?;
    let Some(open) = &snapshot.run else {
        held.release().await?;
        return Ok(Settled::Nothing);
    };
    let journal = Journal::new(held, open.id, snapshot.lineage);
    let settled = settle_all(open, &snapshot, &journal, ports, interrupt, observer).await;
    journal.release().await?;
    settled
}

async fn settle_all(
    open: &OpenRun,
    snapshot: &Snapshot,
    journal: &Journal,
    ports: &Ports<'_>,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Settled, ApplyError> {
    let plan = open_plan(open)?;
    let order = Order::new(&plan, &open.plan_fingerprint, open.id)?;
    let look = Lookup {
        order: &order,
        open,
        snapshot,
        ports: *ports,
    };
    let mut earlier = EarlierRun {
        run: open.id,
        by: open.by.clone(),
        started: open.started,
        recovered: Vec::new(),
        undone: Vec::new(),
    };
    // Nothing but looks: they may be cut short at any point.
    let looks = async {
        let outputs = look.recall().await?;
        look.findings(&outputs).await
    };
    let findings = tokio::select! {
        biased;
        () = interrupt.wait() => return Ok(Settled::Interrupted(open.id)),
        findings = looks => findings?,
    };
    let by_hand = cut_short_by_hand(open, &order);
    if !by_hand.is_empty() {
        journal.write(by_hand).await?;
    }
    if findings.is_empty() {
        return Ok(Settled::InOrder(earlier));
    }
    for (at, finding) in findings {
        let step = order.step(at);
        let edits = match finding {
            Finding::Happened(fruit) => {
                earlier.recovered.push(step.unit.clone());
                let event = Event::Recovered { step };
                observer.event(ports.clock.now(), &event);
                look.happened(at, &fruit)
            }
            Finding::Broken(fruit, message) => {
                earlier.undone.push(step.unit.clone());
                let failed = Edit::Failed {
                    run: open.id,
                    step: journal_step(step.id),
                    message,
                };
                std::iter::once(failed).chain(look.record(at, &fruit)).collect()
            }
            Finding::Not(message) => {
                earlier.undone.push(step.unit.clone());
                vec![Edit::Failed {
                    run: open.id,
                    step: journal_step(step.id),
                    message,
                }]
            }
            Finding::Indifferent => vec![cut_short(open, journal_step(step.id))],
        };
        journal.write(edits).await?;
    }
    Ok(Settled::Recovered(earlier))
}

/// Closes the calls of commands that wrote into the run's journal and were cut short: what came of one shows in its migration,
/// and nothing of the run hangs on it.
fn cut_short_by_hand(open: &OpenRun, order: &Order<'_>) -> Vec<Edit> {
    let foreign = open
        .in_doubt()
        .filter(|(id, _)| order.place(StepId(id.get())).is_none());
    foreign.map(|(step, _)| cut_short(open, step)).collect()
}

fn cut_short(open: &OpenRun, step: JournalStep) -> Edit {
    Edit::Failed {
        run: open.id,
        step,
        message: "its command was cut short; what came of it shows in the migration".to_owned(),
    }
}

/// Closes a run that left in good order, where a new plan has nothing to do: what that one had left is done or taken back, and
/// Azure tells which. Migrations that the new plan leaves behind are told in the history: whoever still watches them must see
/// that it came. `exit` is the code that the caller's command comes to.
///
/// # Errors
/// When the state is locked or cannot be written, or Azure cannot be asked.
pub async fn close(
    ports: &Ports<'_>,
    options: &Options,
    fingerprint: &Fingerprint,
    left: &[&str],
    exit: u8,
    observer: &dyn Observer,
) -> Result<(), ApplyError> {
    let held = lock(ports, ports.caller, RunId::random(), options.lock_timeout, observer).await?;
    let snapshot = held.snapshot().await?;
    let last = match &snapshot.run {
        Some(open) => ending(open, &snapshot, ports, exit).await,
        None => Ok(None),
    };
    let last = match last {
        Ok(last) => last,
        Err(error) => {
            held.release().await?;
            return Err(error);
        }
    };
    let now = ports.wall.now();
    let note = HistoryEntry {
        approval: None,
        account: pgferry_state::Account::default(),
        run: RunId::random(),
        started: now,
        finished: now,
        by: ports.caller.who.clone(),
        plan_fingerprint: fingerprint.to_string(),
        outcome: RunOutcome::Succeeded,
        summary: format!("{}: nothing to do; {}", ports.caller.command, left.join("; ")),
    };
    let is_told =
        |entry: &HistoryEntry| entry.plan_fingerprint == note.plan_fingerprint && entry.summary == note.summary;
    let is_news = !left.is_empty() && !snapshot.history.last().is_some_and(is_told);
    let note = is_news.then_some(Edit::Log(note));
    let edits: Vec<Edit> = last.into_iter().chain(note).collect();
    if !edits.is_empty() {
        held.commit(edits).await?;
    }
    Ok(held.release().await?)
}

/// The edit that closes a run where nothing is left to do: it succeeded if Azure shows all that it was for, whoever did it.
async fn ending(open: &OpenRun, snapshot: &Snapshot, ports: &Ports<'_>, exit: u8) -> Result<Option<Edit>, ApplyError> {
    if open.in_doubt().next().is_some() {
        return Ok(None);
    }
    let plan = open_plan(open)?;
    let order = Order::new(&plan, &open.plan_fingerprint, open.id)?;
    let look = Lookup {
        order: &order,
        open,
        snapshot,
        ports: *ports,
    };
    let outputs = look.recall().await?;
    let looks = order.all().map(|at| look.is_reached(at, &outputs));
    let mut looks = stream::iter(looks).buffered(AT_ONCE);
    while let Some(is_reached) = looks.next().await {
        if !is_reached.map_err(ApplyError::Arm)? {
            let by = "a command that found nothing left to do";
            return Ok(closed_by(open, ports, RunOutcome::Continued, by));
        }
    }
    let counts = Counts::of(order.all().map(|at| (&order.step(at).unit, &Outcome::Done)));
    let summary = format!("{}: {counts}", plan.mode.command());
    let told = (Some(exit), Vec::new());
    Ok(Some(end(ports, open.id, RunOutcome::Succeeded, summary, told)))
}

/// The edit that closes a run no call of which is in doubt; none for another. A new run goes on with what it left, or takes it
/// back; where it does something else, the one that is closed may open itself again.
pub(super) fn closing(open: &OpenRun, ports: &Ports<'_>, options: &Options) -> Option<Edit> {
    let (outcome, by) = match options.beside == Some(open.id) {
        true => (RunOutcome::Abandoned, "a run of something else"),
        false => (RunOutcome::Continued, "the next run"),
    };
    closed_by(open, ports, outcome, by)
}

fn closed_by(open: &OpenRun, ports: &Ports<'_>, outcome: RunOutcome, by: &str) -> Option<Edit> {
    if open.in_doubt().next().is_some() {
        return None;
    }
    // A plan that this version does not read tells no units.
    let done = open_plan(open).map_or_else(|_| String::new(), |plan| format!(" with {}", units_done(open, &plan)));
    let summary = format!("open{done} and no call in doubt when {by} closed it");
    Some(end(ports, open.id, outcome, summary, (None, Vec::new())))
}

/// The units of a run all steps of which its journal has for done.
fn units_done(open: &OpenRun, plan: &Plan) -> Counts {
    let is_done = |step: &Step| {
        let entry = open.steps.get(&journal_step(step.id));
        entry.is_some_and(|entry| entry.phase == StepPhase::Done)
    };
    let unfinished: BTreeSet<&UnitAddress> = plan
        .steps
        .iter()
        .filter(|step| !is_done(step))
        .map(|step| &step.unit)
        .collect();
    let done = plan.steps.iter().filter(|step| !unfinished.contains(&step.unit));
    Counts::of(done.map(|step| (&step.unit, &Outcome::Done)))
}

/// Goes on with the stored plan of an open run; `None` where there is none.
///
/// # Errors
/// When the state is locked or cannot be read, or Azure cannot be asked about calls that were in flight.
pub async fn resume(
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Option<Report>, ApplyError> {
    let Some(open) = ports.store.load().await?.and_then(|snapshot| snapshot.run) else {
        return Ok(None);
    };
    let held = lock(ports, ports.caller, open.id, options.lock_timeout, observer).await?;
    let snapshot = held.snapshot().await?;
    let Some(open) = &snapshot.run else {
        held.release().await?;
        return Ok(None);
    };
    let journal = Journal::new(held, open.id, snapshot.lineage);
    let plan = open_plan(open)?;
    let order = Order::new(&plan, &open.plan_fingerprint, open.id)?;
    let mut run = Run::new(&order, *ports, options, interrupt, observer)?;
    if let Err(error) = run.rejoin(open, &snapshot, &journal).await {
        journal.release().await?;
        return Err(error);
    }
    run.lock = Lock::Held(Arc::new(journal));
    Ok(Some(run.carry_out().await))
}

/// Watches what an open run has under way, and does nothing else; `None` where no run is open. What it comes to is not written.
///
/// # Errors
/// When the state or its plan cannot be read.
pub async fn follow(
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Option<Report>, ApplyError> {
    let Some(snapshot) = ports.store.load().await? else {
        return Ok(None);
    };
    let Some(open) = &snapshot.run else { return Ok(None) };
    let plan = open_plan(open)?;
    let order = Order::new(&plan, &open.plan_fingerprint, open.id)?;
    let options = Options {
        part: Part::Watching,
        ..options.clone()
    };
    let mut run = Run::new(&order, *ports, &options, interrupt, observer)?;
    run.recall(open, &snapshot);
    for (id, _) in open.in_doubt() {
        if let Some(at) = order.place(StepId(id.get())) {
            let unseen = Some(Unseen::Unanswered);
            run.state(at).outcome = Some(Outcome::InFlight { unseen });
        }
    }
    Ok(Some(run.carry_out().await))
}

/// The secrets that the rest of an open run needs and that are not at hand.
///
/// # Errors
/// When its plan cannot be read.
pub fn lacking(open: &OpenRun, secrets: &Secrets) -> Result<BTreeSet<SecretRef>, ApplyError> {
    let plan = open_plan(open)?;
    let is_over = |step: &&Step| {
        let entry = open.steps.get(&journal_step(step.id));
        entry.is_some_and(|entry| !entry.is_in_doubt())
    };
    let needed = plan
        .steps
        .iter()
        .filter(|step| !is_over(step))
        .flat_map(|step| match &step.op {
            Op::Put { body, .. } | Op::Start { body, .. } => body.secrets(),
            Op::Delete { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => Vec::new(),
        });
    // What stays in a vault is read there by whoever finishes the run.
    let lacking = needed.filter(|secret| secret.vault.is_none() && secrets.get(secret).is_none());
    Ok(lacking.cloned().collect())
}

/// What an open run was for, as far as its plan tells.
pub fn mode(open: &OpenRun) -> Mode {
    let told = open.plan.get("mode").map(Mode::deserialize);
    told.and_then(Result::ok).unwrap_or_default()
}

/// The plan of an open run, as it was approved.
///
/// # Errors
/// When it is not one that this version reads.
pub fn open_plan(open: &OpenRun) -> Result<Plan, ApplyError> {
    let run = open.id;
    match open.plan.get("format").and_then(Json::as_u64) {
        Some(found) if found != u64::from(Plan::FORMAT) => Err(ApplyError::StoredForm { run, found }),
        Some(_) | None => Plan::deserialize(&open.plan).map_err(|source| ApplyError::Stored {
            run,
            what: "plan",
            source,
        }),
    }
}

impl<'a> Run<'a> {
    /// Takes over what an open run has done.
    async fn rejoin(&mut self, open: &OpenRun, snapshot: &Snapshot, journal: &Journal) -> Result<(), ApplyError> {
        let order = self.order;
        let look = Lookup {
            order,
            open,
            snapshot,
            ports: self.ports,
        };
        self.outputs = look.recall().await?;
        let mut broken = BTreeSet::new();
        self.recall(open, snapshot);
        for (at, finding) in look.findings(&self.outputs).await? {
            match finding {
                Finding::Happened(fruit) => {
                    let committed = journal.write(look.happened(at, &fruit)).await?;
                    self.known(at, Outcome::Done, snapshot);
                    self.committed(committed, Vec::new());
                    let step = order.step(at);
                    self.tell(&Event::Recovered { step });
                }
                // The step is made again, on an object that is ours.
                Finding::Broken(fruit, _) => {
                    let edits = look.record(at, &fruit).into_iter().collect();
                    let committed = journal.write(edits).await?;
                    self.committed(committed, Vec::new());
                    broken.insert(order.key(at).clone());
                }
                Finding::Not(_) | Finding::Indifferent => {}
            }
        }
        for at in order.all() {
            let key = order.key(at);
            let found = snapshot.records.get(key).map(|record| record.revision);
            let ours = self.revisions.get(key).copied().flatten();
            let as_planned = ours == found || self.touched(at) || broken.contains(key);
            if self.schedule.standing(at) != Standing::Over && !as_planned {
                self.moved.insert(key.clone());
            }
        }
        Ok(())
    }

    /// Takes what the journal says of steps for what it is.
    fn recall(&mut self, open: &OpenRun, snapshot: &Snapshot) {
        self.approval = open.approval;
        for (id, entry) in &open.steps {
            let Some(at) = self.order.place(StepId(id.get())) else {
                continue;
            };
            self.state(at).attempts = entry.attempts;
            match &entry.phase {
                StepPhase::Done => self.known(at, Outcome::Done, snapshot),
                StepPhase::Failed { message } => {
                    let error = StepError::Earlier(message.clone());
                    self.known(at, Outcome::Failed(error), snapshot);
                }
                StepPhase::Intended { .. } | StepPhase::Accepted { .. } => {}
            }
        }
    }

    fn known(&mut self, at: At, outcome: Outcome, snapshot: &Snapshot) {
        let key = self.order.key(at);
        let found: Option<Revision> = snapshot.records.get(key).map(|record| record.revision);
        self.revisions.insert(key.clone(), found);
        let ending = match outcome {
            Outcome::Done => Ending::Succeeded,
            Outcome::Failed(_) | Outcome::Skipped { .. } => Ending::Failed,
            Outcome::Waiting(_) | Outcome::InFlight { .. } | Outcome::Left { .. } => return,
        };
        self.state(at).outcome = Some(outcome);
        self.schedule.free(at);
        for skipped in self.schedule.over(at, ending) {
            let because = self.order.step(skipped.because).id;
            self.state(skipped.at).outcome = Some(Outcome::Skipped { because });
        }
    }

    /// Whether an earlier step of the same unit was done, so that its record is this plan's own.
    fn touched(&self, at: At) -> bool {
        let unit = &self.order.step(at).unit;
        let mut states = self.order.all().zip(&self.steps);
        states
            .any(|(other, state)| matches!(state.outcome, Some(Outcome::Done)) && self.order.step(other).unit == *unit)
    }
}

/// Looks up calls whose outcome is unknown.
struct Lookup<'a> {
    order: &'a Order<'a>,
    open: &'a OpenRun,
    snapshot: &'a Snapshot,
    ports: Ports<'a>,
}

impl Lookup<'_> {
    /// What finished steps brought, read again where another step may hang on it.
    async fn recall(&self) -> Result<Outputs, ApplyError> {
        let mut outputs = self.ports.outputs.clone();
        for (id, entry) in &self.open.steps {
            let Some(at) = self.order.place(StepId(id.get())) else {
                continue;
            };
            let step = self.order.step(at);
            let (StepPhase::Done, Op::Put { target, brings, .. }) = (&entry.phase, &step.op) else {
                continue;
            };
            if brings.is_empty() {
                continue;
            }
            let Ok(id) = settle(target, &outputs) else { continue };
            if let Found::Present(object) = self.ports.arm.get(&id).await.map_err(ApplyError::Arm)? {
                for (attribute, value) in brought(brings, &object) {
                    outputs.insert(&step.unit.resource, attribute, value);
                }
            }
        }
        Ok(outputs)
    }

    /// One finding for each call whose outcome is unknown.
    async fn findings(&self, outputs: &Outputs) -> Result<Vec<(At, Finding)>, ApplyError> {
        let doubtful = self.open.in_doubt().filter_map(|(id, entry)| {
            let at = self.order.place(StepId(id.get()))?;
            match &entry.phase {
                StepPhase::Accepted { operation, .. } => Some((at, Some(operation))),
                StepPhase::Intended { .. } | StepPhase::Done | StepPhase::Failed { .. } => Some((at, None)),
            }
        });
        let looks = doubtful.map(|(at, operation)| async move {
            let finding = self.find(at, operation, outputs).await;
            finding.map(|finding| (at, finding)).map_err(ApplyError::Arm)
        });
        let found: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
        found.into_iter().collect()
    }

    async fn find(&self, at: At, operation: Option<&Json>, outputs: &Outputs) -> Result<Finding, ArmError> {
        let step = self.order.step(at);
        let operation = operation.and_then(|json| Operation::deserialize(json).ok());
        let Some(operation) = operation else {
            return self.look(at, outputs).await;
        };
        let patience = step.patience.unwrap_or(PATIENCE);
        match self.ports.arm.finish(operation, patience).await {
            Ok(object) => Ok(Finding::Happened(fruit(target(step, outputs), object))),
            // Azure forgets operations after a while; the object itself still tells.
            Err(error) => match self.look(at, outputs).await? {
                Finding::Not(_) => Ok(Finding::Not(in_full(&error))),
                Finding::Broken(fruit, _) => Ok(Finding::Broken(fruit, in_full(&error))),
                other => Ok(other),
            },
        }
    }

    /// Whether what a step is for is so, by the journal or by what Azure shows at this moment: nothing is waited for.
    async fn is_reached(&self, at: At, outputs: &Outputs) -> Result<bool, ArmError> {
        let step = self.order.step(at);
        let entry = self.open.steps.get(&journal_step(step.id));
        if entry.is_some_and(|entry| entry.phase == StepPhase::Done) {
            return Ok(true);
        }
        let id = migration_of(&step.op).cloned().or_else(|| target(step, outputs));
        let Some(id) = id else { return Ok(false) };
        let found = self.ports.arm.get(&id).await?;
        Ok(match (&step.op, found) {
            (Op::Put { body, .. }, Found::Present(object)) => {
                matches!(Condition::of(&object), Condition::Settled) && is_as_sent(&step.unit, body, &object)
            }
            (Op::Start { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, Found::Present(object)) => {
                let standing = Migration::read(id, &object).standing();
                matches!(standing, MigrationStanding::Ended(MigrationEnding::Succeeded))
            }
            (Op::Delete { .. }, found) => matches!(found, Found::Absent),
            (Op::Note, _) | (_, Found::Absent) => false,
        })
    }

    async fn look(&self, at: At, outputs: &Outputs) -> Result<Finding, ArmError> {
        let step = self.order.step(at);
        let not = || Ok(Finding::Not("interrupted before Azure took it on".to_owned()));
        match &step.op {
            Op::Put { body, .. } => {
                let Some(id) = target(step, outputs) else { return not() };
                let is_new = creates(step);
                match self.present(&id, step).await? {
                    Some(object) if is_new && !made_by(&step.unit, &self.signed(body), &object) => not(),
                    Some(object) => {
                        let has_failed = matches!(Condition::of(&object), Condition::Failed(_));
                        let is_as_sent = is_as_sent(&step.unit, body, &object);
                        let fruit = fruit(Some(id), Some(object));
                        match (has_failed, is_as_sent) {
                            (false, true) => Ok(Finding::Happened(fruit)),
                            (true, _) if is_new => Ok(Finding::Broken(fruit, "its operation failed".to_owned())),
                            (true | false, _) => not(),
                        }
                    }
                    None => not(),
                }
            }
            Op::Start {
                migration,
                body: _,
                writes,
                tags,
                may_exist,
                window: _,
            } => match appears(&self.ports, migration).await? {
                Some(object)
                    if (Start {
                        writes,
                        may_exist,
                        tags,
                    })
                    .made(migration, &object, self.snapshot.lineage) =>
                {
                    Ok(Finding::Happened(fruit(Some(migration.clone()), Some(object))))
                }
                Some(_) | None => not(),
            },
            Op::Delete { .. } => {
                let Some(id) = target(step, outputs) else { return not() };
                match self.ports.arm.get(&id).await? {
                    Found::Absent => Ok(Finding::Happened(fruit(Some(id), None))),
                    Found::Present(_) => not(),
                }
            }
            Op::Cutover { migration, .. } => match self.ports.arm.get(migration).await? {
                Found::Present(object) => match is_cut_over(&Migration::read(migration.clone(), &object)) {
                    Ok(true) => Ok(Finding::Happened(fruit(Some(migration.clone()), None))),
                    Ok(false) | Err(_) => not(),
                },
                Found::Absent => not(),
            },
            Op::Await(_) | Op::Gate(_) | Op::Note => Ok(Finding::Indifferent),
        }
    }

    /// The body as it was sent: what is created says which state it belongs to.
    fn signed(&self, body: &Body<Draft>) -> Body<Draft> {
        let mut body = body.clone();
        if body.get(&["tags", TAG_UNIT]).is_some() {
            body.set(&["tags", TAG_LINEAGE], Body::text(self.snapshot.lineage.to_string()));
        }
        body
    }

    /// The object once nothing is being done to it any more; `None` where it does not appear.
    async fn present(&self, id: &ArmId, step: &Step) -> Result<Option<Json>, ArmError> {
        let Some(object) = appears(&self.ports, id).await? else {
            return Ok(None);
        };
        match Condition::of(&object) {
            Condition::Settled | Condition::Failed(_) => return Ok(Some(object)),
            Condition::Changing(_) => {}
        }
        let going_on = Operation::Running {
            call: Call::new(Verb::Put, id.clone()),
            follow: Follow::Object,
            pause: Some(Duration::from_secs(1)),
        };
        let patience = step.patience.unwrap_or(PATIENCE);
        match self.ports.arm.finish(going_on, patience).await {
            Ok(finished) => Ok(Some(finished.unwrap_or(object))),
            // That it failed is an answer.
            Err(error) => match self.ports.arm.get(id).await? {
                Found::Present(object) if matches!(Condition::of(&object), Condition::Failed(_)) => Ok(Some(object)),
                Found::Present(_) | Found::Absent => Err(error),
            },
        }
    }

    /// What a step makes remembered.
    fn record(&self, at: At, fruit: &Fruit) -> Option<Edit> {
        remembered(self.order.step(at), self.order.key(at), fruit, self.ports.clock.now())
    }

    fn happened(&self, at: At, fruit: &Fruit) -> Vec<Edit> {
        let step = self.order.step(at);
        let done = Edit::Done {
            run: self.open.id,
            step: journal_step(step.id),
        };
        std::iter::once(done).chain(self.record(at, fruit)).collect()
    }
}

fn fruit(id: Option<ArmId>, object: Option<Json>) -> Fruit {
    Fruit {
        id,
        object,
        triggered: None,
    }
}

fn target(step: &Step, outputs: &Outputs) -> Option<ArmId> {
    let target: &StepTarget = match &step.op {
        Op::Put { target, .. } | Op::Delete { target, .. } => target,
        Op::Start { migration, .. } | Op::Cutover { migration, .. } => return Some(migration.clone()),
        Op::Await(_) | Op::Gate(_) | Op::Note => return None,
    };
    settle(target, outputs).ok()
}
