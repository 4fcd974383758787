//! The loop that carries a plan out: it starts what is ready, takes note of what ended, and stops when asked. What a step
//! does is `step`'s, what a migration shows is `watch`'s, when the lock is held is `writing`'s.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use pgferry_state::{Committed, Edit, RecordKey, Revision, RunId, StoreError};

use super::deed::{Deed, Expects, brought};
use super::elapsed;
use super::error::{ApplyError, Moved, StepError};
use super::journal::{Journal, journal_step};
use super::observer::{Downtime, Event, Observer, WaitsFor};
use super::order::{Order, creates, remembered};
use super::report::{Outcome, Report, StepReport, Stopped};
use super::schedule::{At, Ending, Manner, Schedule, Standing};
use super::step::{Doer, Fruit, Performed};
use super::watch::{Goal, Look, Sight, Watcher};
use super::writing::{Lock, Taken};
use super::{Interrupt, OnError, Options, Ports, Wait};
use crate::arm::migration::{Migration, Substate};
use crate::arm::{ArmId, Outputs};
use crate::plan::approve::Approved;
use crate::plan::step::{Opens, Until};
use crate::plan::{Answer, Op, Step};

/// How long calls in flight may take to answer once the run was asked to stop. What is left of two seconds is for the
/// journal and the lock.
const GRACE: Duration = Duration::from_millis(1000);

/// Watchers that are due this much later may look now, so that many look at once.
const TOGETHER: Duration = Duration::from_secs(1);

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
    let order = Order::new(approved.plan(), approved.fingerprint(), RunId::random())?;
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
    pub(super) expects: Expects,
    pub(super) lock: Lock<'a>,
    /// Edits that can wait for the next commit.
    pub(super) deferred: Vec<Edit>,
    pub(super) stopped: Option<Stopped>,
    acting: FuturesUnordered<BoxFuture<'a, Acted<'a>>>,
    recording: FuturesUnordered<BoxFuture<'a, Recorded>>,
    watching: FuturesUnordered<BoxFuture<'a, Seen<'a>>>,
    /// Watchers between two looks, by the instant of the next one. One alarm wakes them all: a thousand migrations are one
    /// sleep, not a thousand.
    resting: BTreeMap<(Timestamp, At), Watcher<'a>>,
    alarm: Option<(Timestamp, BoxFuture<'a, ()>)>,
    waiting: BTreeMap<At, WaitsFor>,
    answers: VecDeque<(At, Answering<'a>)>,
    idle: Option<BoxFuture<'a, ()>>,
    deadline: Option<BoxFuture<'a, ()>>,
    triggered: HashMap<ArmId, Timestamp>,
    downtimes: Vec<Downtime>,
    began: Timestamp,
}

/// Where a step is.
#[derive(Debug, Default)]
pub(super) struct StepState {
    pub(super) attempts: u32,
    pub(super) started: Option<Timestamp>,
    pub(super) elapsed: Option<Duration>,
    pub(super) outcome: Option<Outcome>,
}

/// An answer on its way, and the watcher that goes on afterwards.
struct Answering<'a> {
    watcher: Watcher<'a>,
    substate: Substate,
    answer: &'a Answer,
}

/// A call that ended.
struct Acted<'a> {
    at: At,
    attempts: u32,
    answering: Option<Answering<'a>>,
    result: Result<Performed, StepError>,
}

/// A commit that ended.
struct Recorded {
    at: At,
    removed: Vec<RecordKey>,
    result: Result<Committed, StoreError>,
}

type Seen<'a> = (At, Watcher<'a>, Sight<'a>);

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
            schedule: Schedule::new(&order.plan.steps).map_err(ApplyError::Tangled)?,
            outputs: ports.outputs.clone(),
            steps: std::iter::repeat_with(StepState::default).take(order.len()).collect(),
            revisions: order.revisions(),
            moved: HashSet::new(),
            expects: Expects::AsPlanned,
            lock: Lock::Free,
            deferred: Vec::new(),
            stopped: None,
            acting: FuturesUnordered::new(),
            recording: FuturesUnordered::new(),
            watching: FuturesUnordered::new(),
            resting: BTreeMap::new(),
            alarm: None,
            waiting: BTreeMap::new(),
            answers: VecDeque::new(),
            idle: None,
            deadline: None,
            triggered: HashMap::new(),
            downtimes: Vec::new(),
            began: ports.clock.now(),
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
            match self.stopped {
                Some(Stopped::Interrupted) => pending().await,
                Some(_) | None => self.interrupt.wait().await,
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
        !has_writes && self.watching.len() + self.resting.len() <= self.waiting.len()
    }

    pub(super) fn stop(&mut self, why: Stopped) {
        self.stopped.get_or_insert(why);
        self.watching.clear();
        self.resting.clear();
        self.alarm = None;
        self.idle = None;
        if let Lock::Taking(_) = self.lock {
            self.lock = Lock::Free;
        }
    }

    fn interrupted(&mut self) {
        self.tell(&Event::Interrupted);
        self.stop(Stopped::Interrupted);
        self.stopped = Some(Stopped::Interrupted);
        self.deadline = Some(self.ports.wall.sleep(GRACE).boxed());
    }

    // Starting.

    fn start(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        while let Some(at) = self.schedule.take(Manner::Watch) {
            self.start_watching(at);
        }
        if self.schedule.has_writes() || !self.answers.is_empty() {
            self.idle = None;
            match &self.lock {
                Lock::Held(journal) => self.start_writing(&Arc::clone(journal)),
                Lock::Taking(_) => {}
                Lock::Free => self.begin_locking(),
            }
        } else if self.lock.is_held() && self.acting.is_empty() && self.recording.is_empty() && self.idle.is_none() {
            self.idle = Some(self.ports.wall.sleep(self.options.linger).boxed());
        }
    }

    fn start_writing(&mut self, journal: &Arc<Journal>) {
        while let Some(at) = self.schedule.take(Manner::Note) {
            self.begin(at);
            match self.check_moved(at) {
                Ok(()) => self.record(at, journal, &Fruit::default()),
                Err(error) => self.fail(at, error),
            }
            if self.stopped.is_some() {
                return;
            }
        }
        while self.acting.len() < self.options.parallelism.max(1) && self.stopped.is_none() {
            if let Some((at, answering)) = self.answers.pop_front() {
                self.start_answering(at, answering, journal);
            } else if let Some(at) = self.schedule.take(Manner::Act) {
                self.start_acting(at, journal);
            } else {
                return;
            }
        }
    }

    fn begin(&mut self, at: At) {
        self.state(at).started = Some(self.ports.clock.now());
        let step = self.order.step(at);
        self.tell(&Event::StepStarted { step });
    }

    fn check_moved(&self, at: At) -> Result<(), StepError> {
        if self.moved.contains(self.order.key(at)) {
            let unit = self.order.step(at).unit.clone();
            return Err(StepError::Moved(Moved::Records(vec![unit])));
        }
        Ok(())
    }

    fn start_acting(&mut self, at: At, journal: &Arc<Journal>) {
        self.begin(at);
        match self.check_moved(at).and_then(|()| self.deed(at)) {
            Ok(Some(deed)) => self.act(at, deed, None, journal),
            // Only acting steps are taken as such.
            Ok(None) => self.record(at, journal, &Fruit::default()),
            Err(error) => self.fail(at, error),
        }
    }

    fn deed(&self, at: At) -> Result<Option<Deed<'a>>, StepError> {
        let step = self.order.step(at);
        let mut deed = Deed::of(step, &self.outputs, self.ports.secrets)?;
        match &mut deed {
            Some(Deed::Put { expects, .. }) => {
                let known = self.revisions.get(self.order.key(at)).copied().flatten();
                if creates(step, known) {
                    *expects = self.expects;
                }
            }
            Some(Deed::Cutover { id, gate, .. }) => *gate = self.order.gate_before(step, id),
            Some(Deed::Start { .. } | Deed::Delete { .. } | Deed::Answer { .. }) | None => {}
        }
        Ok(deed)
    }

    fn act(&mut self, at: At, deed: Deed<'a>, answering: Option<Answering<'a>>, journal: &Arc<Journal>) {
        let mut doer = Doer {
            ports: self.ports,
            journal: Arc::clone(journal),
            observer: self.observer,
            interrupt: self.interrupt,
            step: self.order.step(at),
            key: self.order.key(at),
            attempts: self.state(at).attempts,
        };
        let act = async move {
            let result = doer.perform(deed).await;
            Acted {
                at,
                attempts: doer.attempts,
                answering,
                result,
            }
        };
        self.acting.push(act.boxed());
    }

    fn start_answering(&mut self, at: At, answering: Answering<'a>, journal: &Arc<Journal>) {
        let Op::Await(watch) = &self.order.step(at).op else {
            return;
        };
        match Deed::answer(&watch.migration, answering.answer, &self.outputs, self.ports.secrets) {
            Ok(deed) => self.act(at, deed, Some(answering), journal),
            Err(error) => self.fail(at, error),
        }
    }

    /// Begins to watch, unless the run does not stay that long.
    fn start_watching(&mut self, at: At) {
        let step = self.order.step(at);
        let Some(goal) = Goal::of(step) else { return };
        match (self.options.wait, goal) {
            (Wait::Done, Goal::Await(_) | Goal::Gate(_)) | (Wait::Ready, Goal::Await(_)) => {
                self.begin(at);
                let watcher = Watcher::new(&step.unit, goal, step.patience, self.ports.clock.now());
                self.watch(at, watcher);
            }
            (Wait::Ready, Goal::Gate(gate)) if gate.opens == Opens::ByHand => {
                // One look tells the person where it stands; nothing else waits for them.
                self.begin(at);
                let watcher = Watcher::new(&step.unit, goal, step.patience, self.ports.clock.now());
                self.watch(at, watcher);
            }
            (Wait::Ready, Goal::Gate(_)) | (Wait::NoWait, Goal::Await(_) | Goal::Gate(_)) => {
                self.state(at).outcome = Some(Outcome::InFlight { unseen: None });
            }
        }
    }

    /// Lets a watcher rest until its next look.
    fn watch(&mut self, at: At, mut watcher: Watcher<'a>) {
        let pause = watcher.pause();
        if pause.is_zero() {
            return self.look(at, watcher);
        }
        let now = self.ports.clock.now();
        let due = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        self.resting.insert((due, at), watcher);
        self.set_alarm();
    }

    /// Sets the alarm to the first watcher that is due, unless it is set so already.
    fn set_alarm(&mut self) {
        let Some(((due, _), _)) = self.resting.first_key_value() else {
            return;
        };
        let due = *due;
        if self.alarm.as_ref().is_none_or(|(set, _)| due < *set) {
            let rest = elapsed(self.ports.clock.now(), due);
            self.alarm = Some((due, self.ports.clock.sleep(rest).boxed()));
        }
    }

    /// Lets all watchers look that are due, or as good as due, so that they look together.
    fn wake(&mut self) {
        self.alarm = None;
        let until = self.ports.clock.now().checked_add(TOGETHER).unwrap_or(Timestamp::MAX);
        while let Some(entry) = self.resting.first_entry() {
            let (due, at) = *entry.key();
            if due > until {
                break;
            }
            let watcher = entry.remove();
            self.look(at, watcher);
        }
        self.set_alarm();
    }

    fn look(&mut self, at: At, watcher: Watcher<'a>) {
        let look = Look {
            arm: self.ports.arm,
            clock: self.ports.clock,
            observer: self.observer,
        };
        let watch = async move {
            let (watcher, sight) = watcher.look(look).await;
            (at, watcher, sight)
        };
        self.watching.push(watch.boxed());
    }

    // Taking note of what ended.

    fn acted(&mut self, acted: Acted<'a>) {
        let Acted {
            at,
            attempts,
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
            (Ok(Performed::Left), _) => self.state(at).outcome = Some(Outcome::InFlight { unseen: None }),
            (Err(StepError::Store(error)), _) => {
                self.state(at).outcome = Some(Outcome::InFlight { unseen: None });
                self.stop(Stopped::Store(error));
            }
            (Err(error), _) => self.fail(at, error),
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
    fn record(&mut self, at: At, journal: &Arc<Journal>, fruit: &Fruit) {
        match self.edits(at, fruit) {
            Ok(own) => {
                let mut edits = std::mem::take(&mut self.deferred);
                edits.extend(own);
                let removed = removed(&edits);
                let journal = Arc::clone(journal);
                let write = async move {
                    let result = journal.write(edits).await;
                    Recorded { at, removed, result }
                };
                self.recording.push(write.boxed());
            }
            Err(error) => self.fail(at, error),
        }
    }

    fn remember_later(&mut self, at: At, fruit: &Fruit) {
        match self.edits(at, fruit) {
            Ok(own) => {
                self.deferred.extend(own);
                self.succeed(at);
            }
            Err(error) => self.fail(at, error),
        }
    }

    fn edits(&self, at: At, fruit: &Fruit) -> Result<Vec<Edit>, StepError> {
        let step = self.order.step(at);
        let remembered = remembered(step, self.order.key(at), fruit, self.ports.clock.now())?;
        let done = Edit::Done {
            run: self.order.run,
            step: journal_step(step.id),
        };
        Ok(std::iter::once(done).chain(remembered).collect())
    }

    fn recorded(&mut self, recorded: Recorded) {
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
        self.deferred.push(Edit::Failed {
            run: self.order.run,
            step: journal_step(step.id),
            message: in_full(&error),
        });
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
        state.outcome = Some(outcome);
        took
    }

    fn seen(&mut self, seen: Seen<'a>) {
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
            Sight::Lost(error) => self.state(at).outcome = Some(Outcome::InFlight { unseen: Some(error) }),
        }
    }

    fn passed(&mut self, at: At, migration: Option<&Migration>) {
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

    // The end.

    async fn finish(mut self) -> Report {
        self.acting.clear();
        self.watching.clear();
        self.resting.clear();
        self.alarm = None;
        self.conclude();
        self.close().await;
        let order = self.order;
        let steps = order.all().zip(self.steps).map(|(at, state)| StepReport {
            id: order.step(at).id,
            unit: order.step(at).unit.clone(),
            outcome: state.outcome.unwrap_or(Outcome::Left { behind: None }),
            elapsed: state.elapsed,
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
        for at in self.order.all() {
            if self.state(at).outcome.is_some() {
                continue;
            }
            let outcome = match (waiting.remove(&at), self.schedule.standing(at)) {
                (Some(waits), _) => Outcome::Waiting(waits),
                (None, Standing::Running | Standing::Over) => Outcome::InFlight { unseen: None },
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

/// Returns once a timer has run down, and takes it away; never, where there is none.
async fn due(slot: &mut Option<BoxFuture<'_, ()>>) {
    match slot {
        Some(timer) => timer.await,
        None => pending().await,
    }
    *slot = None;
}

/// The records that a commit takes away.
pub(super) fn removed(edits: &[Edit]) -> Vec<RecordKey> {
    let removed = edits.iter().filter_map(|edit| match edit {
        Edit::Remove { key } => Some(key.clone()),
        Edit::Bind(_) | Edit::BeginRun { .. } | Edit::Intent { .. } | Edit::Accepted { .. } => None,
        Edit::Done { .. } | Edit::Failed { .. } | Edit::Put { .. } | Edit::PutIf { .. } => None,
        Edit::Rename { .. } | Edit::EndRun { .. } => None,
    });
    removed.collect()
}

/// Whether a failed step's migration may still hold its target.
fn ending(step: &Step, error: &StepError) -> Ending {
    match (&step.op, error) {
        (Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, StepError::Ended(_) | StepError::Vanished { .. }) => {
            Ending::Failed
        }
        (Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, _) => Ending::FailedHolding,
        (Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Note, _) => Ending::Failed,
    }
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
