//! The loop that carries a plan out: it starts what is ready, takes note of what ended, and stops when asked. What a step
//! does is `step`'s, what a migration shows is `watch`'s, when the lock is held is `writing`'s.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use pgferry_state::{Approval, Committed, Edit, RecordKey, Revision, RunId, StoreError};

use super::elapsed;
use super::error::{ApplyError, StepError};
use super::observer::{Downtime, Event, Observer, WaitsFor};
use super::order::Order;
use super::report::{Outcome, Report, StepReport, Stopped, Unseen};
use super::schedule::{At, Manner, Schedule, Standing, manner};
use super::seen::TablesSeen;
use super::span::StepSpan;
use super::step::Performed;
use super::watch::{Sight, Watcher};
use super::writing::{Lock, Taken};
use super::{Interrupt, Options, Part, Ports, Stall, Wait, urgency};
use crate::address::UnitAddress;
use crate::arm::migration::Substate;
use crate::arm::{ArmId, Outputs};
use crate::plan::approve::Approved;
use crate::plan::{Answer, Op};

/// How long calls in flight may take to answer once the run was asked to stop. What is left of the time is for the journal and
/// the lock.
const GRACE: Duration = Duration::from_millis(1000);

/// Carries an approved plan out.
///
/// # Errors
/// When it cannot begin: the state is locked, moved, or holds a run that was not settled. What goes wrong later is in the
/// report.
pub async fn run(
    approved: &Approved,
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Report, ApplyError> {
    let name = approved.run().map_or_else(RunId::random, RunId::from);
    let order = Order::new(approved.plan(), approved.fingerprint(), name)?;
    let mut run = Run::new(&order, *ports, options, interrupt, observer)?;
    run.open().await?;
    Ok(run.carry_out().await)
}

/// A plan on its way.
pub(super) struct Run<'a> {
    pub(super) order: &'a Order<'a>,
    pub(super) ports: Ports<'a>,
    pub(super) options: &'a Options,
    pub(super) interrupt: &'a Interrupt,
    pub(super) observer: &'a dyn Observer,
    pub(super) schedule: Schedule,
    pub(super) outputs: Outputs,
    pub(super) steps: Vec<StepState>,
    /// What is known of the records that steps touch, by the plan and by our own commits.
    pub(super) revisions: HashMap<RecordKey, Option<Revision>>,
    /// Records that somebody else wrote while this run watched.
    pub(super) moved: HashSet<RecordKey>,
    pub(super) lock: Lock<'a>,
    /// Edits that can wait for the next commit.
    pub(super) deferred: Vec<Edit>,
    pub(super) stopped: Option<Stopped>,
    pub(super) interrupted: Interrupted,
    pub(super) acting: FuturesUnordered<BoxFuture<'a, Acted<'a>>>,
    pub(super) recording: FuturesUnordered<BoxFuture<'a, Recorded>>,
    pub(super) watching: FuturesUnordered<BoxFuture<'a, Seen<'a>>>,
    /// Watchers between two looks, by the instant of the next one. One alarm wakes them all: a thousand migrations are one
    /// sleep, not a thousand.
    pub(super) resting: BTreeMap<(Timestamp, At), Watcher<'a>>,
    /// Steps that wait for their windows, by the instant at which these open.
    pub(super) held: BTreeSet<(Timestamp, At)>,
    /// All steps that ever did: what was seen before is old.
    pub(super) was_held: HashSet<At>,
    pub(super) alarm: Option<(Timestamp, BoxFuture<'a, ()>)>,
    pub(super) seen: Arc<TablesSeen>,
    pub(super) waiting: BTreeMap<At, WaitsFor>,
    pub(super) answers: VecDeque<(At, Answering<'a>)>,
    pub(super) idle: Option<BoxFuture<'a, ()>>,
    pub(super) deadline: Option<BoxFuture<'a, ()>>,
    pub(super) triggered: HashMap<ArmId, Timestamp>,
    pub(super) downtimes: Vec<Downtime>,
    /// Migrations that were seen to have succeeded.
    pub(super) succeeded: HashSet<ArmId>,
    pub(super) began: Timestamp,
    /// On what word the run is carried out: that of whoever began it.
    pub(super) approval: Option<Approval>,
    /// When this process took it up, by the wall's clock.
    pub(super) joined: Timestamp,
}

/// Whether the run was asked to stop, and has two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interrupted {
    /// At this instant, by the wall's clock.
    At(Timestamp),
    No,
}

/// Where a step is.
#[derive(Debug, Default)]
pub(super) struct StepState {
    pub(super) attempts: u32,
    pub(super) started: Option<Timestamp>,
    pub(super) elapsed: Option<Duration>,
    pub(super) outcome: Option<Outcome>,
    pub(super) span: StepSpan,
}

/// An answer on its way, and the watcher that goes on afterwards.
pub(super) struct Answering<'a> {
    pub(super) watcher: Watcher<'a>,
    pub(super) substate: Substate,
    pub(super) answer: &'a Answer,
}

/// A call that ended.
pub(super) struct Acted<'a> {
    pub(super) at: At,
    pub(super) attempts: u32,
    pub(super) left: Option<ArmId>,
    pub(super) answering: Option<Answering<'a>>,
    pub(super) result: Result<Performed, StepError>,
}

/// A commit that ended.
pub(super) struct Recorded {
    pub(super) at: At,
    pub(super) removed: Vec<RecordKey>,
    pub(super) result: Result<Committed, StoreError>,
}

pub(super) type Seen<'a> = (At, Watcher<'a>, Sight<'a>);

/// What the loop wakes up for.
enum Turn<'a> {
    Interrupted,
    OutOfTime,
    Acted(Acted<'a>),
    Recorded(Recorded),
    Locked(Result<Taken, StoreError>),
    Seen(Box<Seen<'a>>),
    Alarm,
    Idle,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        order: &'a Order<'a>,
        ports: Ports<'a>,
        options: &'a Options,
        interrupt: &'a Interrupt,
        observer: &'a dyn Observer,
    ) -> Result<Self, ApplyError> {
        Ok(Self {
            order,
            ports,
            options,
            interrupt,
            observer,
            schedule: Schedule::new(&order.plan.steps, &urgency::of(order.plan)).map_err(ApplyError::Tangled)?,
            outputs: ports.outputs.clone(),
            steps: std::iter::repeat_with(StepState::default).take(order.len()).collect(),
            revisions: order.revisions(),
            moved: HashSet::new(),
            lock: Lock::Free,
            deferred: Vec::new(),
            stopped: None,
            interrupted: Interrupted::No,
            acting: FuturesUnordered::new(),
            recording: FuturesUnordered::new(),
            watching: FuturesUnordered::new(),
            resting: BTreeMap::new(),
            held: BTreeSet::new(),
            was_held: HashSet::new(),
            alarm: None,
            seen: Arc::default(),
            waiting: BTreeMap::new(),
            answers: VecDeque::new(),
            idle: None,
            deadline: None,
            triggered: HashMap::new(),
            downtimes: Vec::new(),
            succeeded: HashSet::new(),
            began: ports.clock.now(),
            approval: ports.caller.approval,
            joined: ports.wall.now(),
        })
    }

    /// Runs the steps until they are over, wait for somebody else, or the run is stopped.
    pub(super) async fn carry_out(mut self) -> Report {
        loop {
            self.start();
            if self.has_ended() {
                break;
            }
            match self.turn().await {
                Turn::Interrupted => self.interrupted(),
                Turn::OutOfTime => break,
                Turn::Acted(acted) => self.acted(acted),
                Turn::Recorded(recorded) => self.recorded(recorded),
                Turn::Locked(taken) => self.locked(taken).await,
                Turn::Seen(seen) => self.seen(*seen),
                Turn::Alarm => self.wake(),
                Turn::Idle => self.let_go().await,
            }
        }
        self.finish().await
    }

    async fn turn(&mut self) -> Turn<'a> {
        let asked = async {
            match self.interrupted {
                Interrupted::At(_) => pending().await,
                Interrupted::No => self.interrupt.wait().await,
            }
        };
        let alarm = async {
            match &mut self.alarm {
                Some((_, alarm)) => alarm.await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = asked => Turn::Interrupted,
            () = due(&mut self.deadline) => Turn::OutOfTime,
            Some(recorded) = self.recording.next() => Turn::Recorded(recorded),
            Some(acted) = self.acting.next() => Turn::Acted(acted),
            taken = self.lock.taken() => Turn::Locked(taken),
            Some(seen) = self.watching.next() => Turn::Seen(Box::new(seen)),
            () = alarm => Turn::Alarm,
            () = due(&mut self.idle) => Turn::Idle,
        }
    }

    fn has_ended(&self) -> bool {
        if !self.acting.is_empty() || !self.recording.is_empty() {
            return false;
        }
        if self.stopped.is_some() {
            return true;
        }
        let has_writes = self.schedule.has_writes() || !self.answers.is_empty();
        let may_write = self.options.part == Part::Acting;
        let for_persons = self.waiting.values().filter(|waits| match waits {
            WaitsFor::Stalled { .. } => self.options.stall == Stall::Ends,
            WaitsFor::Answer { .. } | WaitsFor::Somebody { .. } | WaitsFor::Cutover { .. } => true,
            WaitsFor::Window { .. } => false,
        });
        let stays = self.options.wait != Wait::NoWait && !self.held.is_empty();
        let goes_on = stays || (has_writes && may_write);
        !goes_on && self.watching.len() + self.resting.len() <= for_persons.count()
    }

    pub(super) fn stop(&mut self, why: Stopped) {
        match (&self.stopped, &why) {
            // That an earlier write failed is no reason of its own: the one that failed tells it.
            (None, _) | (Some(Stopped::Store(StoreError::Unusable)), Stopped::Store(_)) => self.stopped = Some(why),
            (Some(_), _) => {}
        }
        self.watching.clear();
        self.resting.clear();
        self.held.clear();
        self.alarm = None;
        self.idle = None;
        if let Lock::Taking(_) = self.lock {
            self.lock = Lock::Free;
        }
    }

    fn interrupted(&mut self) {
        self.tell(&Event::Interrupted);
        self.stop(Stopped::Interrupted);
        self.interrupted = Interrupted::At(self.ports.wall.now());
        self.deadline = Some(self.ports.wall.sleep(GRACE).boxed());
    }

    async fn finish(mut self) -> Report {
        self.acting.clear();
        self.watching.clear();
        self.resting.clear();
        self.alarm = None;
        self.conclude();
        self.close().await;
        let order = self.order;
        let steps = order.all().zip(self.steps).map(|(at, mut state)| {
            let outcome = state.outcome.unwrap_or(Outcome::Left { behind: None });
            state.span.end(&outcome, state.attempts);
            StepReport {
                id: order.step(at).id,
                unit: order.step(at).unit.clone(),
                outcome,
                elapsed: state.elapsed,
            }
        });
        Report {
            run: order.run,
            steps: steps.collect(),
            outputs: self.outputs,
            downtimes: self.downtimes,
            stopped: self.stopped,
            elapsed: elapsed(self.began, self.ports.clock.now()),
        }
    }

    /// Says of every step that is not over where it stands.
    fn conclude(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        // Migrations that are there: started by this run or found on their way.
        let mut started: HashSet<&UnitAddress> = HashSet::new();
        for at in self.order.all() {
            let step = self.order.step(at);
            let is_of_migration = matches!(
                step.op,
                Op::Start { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }
            );
            let is_there = matches!(self.state(at).outcome, Some(Outcome::Done | Outcome::InFlight { .. }))
                || matches!(step.op, Op::Await(_) | Op::Gate(_)) && self.schedule.standing(at) == Standing::Running;
            if is_of_migration && is_there {
                started.insert(&step.unit);
            }
            if self.state(at).outcome.is_some() {
                continue;
            }
            if migration_of(&step.op).is_some_and(|migration| self.succeeded.contains(migration)) {
                self.state(at).outcome = Some(Outcome::Done);
                continue;
            }
            let outcome = match (waiting.remove(&at), self.schedule.standing(at)) {
                (Some(waits), _) => Outcome::Waiting(waits),
                (None, Standing::Running) if manner(&step.op) == Manner::Act => Outcome::InFlight {
                    unseen: Some(Unseen::Unanswered),
                },
                (None, Standing::Running | Standing::Over) => Outcome::InFlight { unseen: None },
                // A migration that was started goes on, whatever this run would have done next.
                (None, Standing::Waiting | Standing::Ready) if started.contains(&step.unit) => {
                    Outcome::InFlight { unseen: None }
                }
                (None, Standing::Waiting | Standing::Ready) => Outcome::Left {
                    behind: self.schedule.blocker(at).map(|at| self.order.step(at).id),
                },
            };
            self.state(at).outcome = Some(outcome);
        }
    }

    pub(super) fn state(&mut self, at: At) -> &mut StepState {
        self.steps.get_mut(at.0).expect("there is a state for every step")
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        self.observer.event(self.ports.clock.now(), event);
    }
}

/// The migration that an operation brings further.
pub(super) fn migration_of(op: &Op) -> Option<&ArmId> {
    match op {
        Op::Start { migration, .. } | Op::Cutover { migration, .. } => Some(migration),
        Op::Await(watch) => Some(&watch.migration),
        Op::Gate(gate) => Some(&gate.migration),
        Op::Put { .. } | Op::Delete { .. } | Op::Note => None,
    }
}

/// Returns once a timer has run down, and takes it away; never, where there is none.
async fn due(slot: &mut Option<BoxFuture<'_, ()>>) {
    match slot {
        Some(timer) => timer.await,
        None => pending().await,
    }
    *slot = None;
}

/// An error with all its causes in one line.
pub(super) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
