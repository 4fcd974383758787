//! Looks at migrations until they are where they should be, and holds gates. It changes nothing: a question that the
//! configuration answers is handed back to the run, which sends the answer under the lock.

use std::mem::{self, Discriminant};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::elapsed;
use super::error::{EndedBadly, StepError};
use super::observer::{Event, GateReading, Held, MigrationProgress, Objection, Observer, WaitsFor};
use super::pace::{self, NEAR_CUTOVER};
use super::seen::TablesSeen;
use crate::address::UnitAddress;
use crate::arm::migration::{Changes, DatabaseState, Ending, Migration, Standing, State, Substate, Tables};
use crate::arm::{ArmError, ArmId, ArmRead, Failure, Found};
use crate::clock::Clock;
use crate::plan::step::{Opens, Response, Until};
use crate::plan::{Answer, Await, Gate, Op, Step};
use crate::window::Window;

/// Failed looks in a row before a run gives a migration up as unseen. With the pauses between them, ten outlast what a
/// network or a service usually needs to come back.
const BLIND: u32 = 10;
/// The same without a login, which seldom comes back by itself.
const BLIND_WITHOUT_LOGIN: u32 = 2;
/// Looks in a row that find nothing before a migration counts as gone, and for how long after watching began it never does: a
/// replica may not know it yet (contract 2.9).
const GONE: u32 = 3;
const SETTLING: Duration = Duration::from_secs(10 * 60);
/// Looks after an answer was sent before it is sent again, or the question counts as open.
const UNHEARD: u32 = 5;
/// How often an answer is sent: a request may be lost on its way.
const ANSWERS: u32 = 3;

/// What is watched for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'p> {
    /// That a migration gets somewhere.
    Await(&'p Await),
    /// That a cutover may be triggered, or was.
    Gate(&'p Gate),
}

/// What a watcher has to say.
#[derive(Debug)]
pub(super) enum Sight<'p> {
    /// Nothing new.
    Nothing,
    /// It is where it should be; without the migration, where that is gone.
    Passed(Option<Box<Migration>>),
    /// It never will be.
    Failed(StepError),
    /// The service asks, and the plan has the answer.
    Asks(Substate, &'p Answer),
    /// It began or ceased to wait for somebody.
    Changed(Option<WaitsFor>),
    /// It cannot be seen any more; it goes on in Azure.
    Lost(ArmError),
}

/// One migration under watch.
#[derive(Debug)]
pub(super) struct Watcher<'p> {
    unit: &'p UnitAddress,
    goal: Goal<'p>,
    patience: Option<Duration>,
    began: Timestamp,
    pause: Option<Duration>,
    waits: Option<WaitsFor>,
    pulse: Option<(Pulse, Timestamp)>,
    answered: Option<Answered>,
    good: u32,
    gist: Option<Gist>,
    blind: u32,
    gone: u32,
}

/// A question that was answered.
#[derive(Debug)]
struct Answered {
    substate: Substate,
    /// Looks since then that found it asked still.
    looks: u32,
    /// How often the answer was sent.
    sent: u32,
}

/// Where looks go, and what is told of them.
#[derive(Clone)]
pub(super) struct Look<'a> {
    pub(super) arm: &'a dyn ArmRead,
    pub(super) clock: &'a dyn Clock,
    pub(super) observer: &'a dyn Observer,
    pub(super) seen: Arc<TablesSeen>,
}

/// What moves while a migration does.
#[derive(Debug, PartialEq)]
struct Pulse {
    state: State,
    substate: Option<Substate>,
    databases: Vec<(DatabaseState, Tables, Changes)>,
}

/// What a reading of a gate says but for its numbers.
#[derive(Debug, PartialEq)]
struct Gist {
    good: u32,
    objections: Vec<Vec<Discriminant<Objection>>>,
}

/// What one look comes to.
#[derive(Debug)]
enum Verdict<'p> {
    Over(Result<(), StepError>),
    Asks(Substate, &'p Answer),
    Stands(Option<WaitsFor>),
}

impl<'p> Goal<'p> {
    /// What a step watches for, if it watches.
    pub(super) fn of(step: &'p Step) -> Option<Self> {
        match &step.op {
            Op::Await(watch) => Some(Self::Await(watch)),
            Op::Gate(gate) => Some(Self::Gate(gate)),
            Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Cutover { .. } | Op::Note => None,
        }
    }

    /// The migration.
    pub(super) fn migration(&self) -> &'p ArmId {
        match self {
            Self::Await(watch) => &watch.migration,
            Self::Gate(gate) => &gate.migration,
        }
    }
}

impl<'p> Watcher<'p> {
    /// Begins to watch.
    pub(super) fn new(unit: &'p UnitAddress, goal: Goal<'p>, patience: Option<Duration>, now: Timestamp) -> Self {
        Self {
            unit,
            goal,
            patience,
            began: now,
            pause: None,
            waits: None,
            pulse: None,
            answered: None,
            good: 0,
            gist: None,
            blind: 0,
            gone: 0,
        }
    }

    /// Notes that the answer to a question was sent.
    pub(super) fn has_answered(&mut self, substate: Substate) {
        let before = self.answered.take().filter(|answered| answered.substate == substate);
        self.answered = Some(Answered {
            sent: before.map_or(0, |answered| answered.sent) + 1,
            substate,
            looks: 0,
        });
    }

    /// How long to wait before the next look; the first one comes at once.
    pub(super) fn pause(&mut self) -> Duration {
        self.pause.take().unwrap_or(Duration::ZERO)
    }

    /// Looks once.
    pub(super) async fn look(mut self, look: Look<'_>) -> (Self, Sight<'p>) {
        let found = look.arm.get(self.goal.migration()).await;
        let sight = self.see(found, &look);
        (self, sight)
    }

    fn see(&mut self, found: Result<Found, ArmError>, look: &Look<'_>) -> Sight<'p> {
        let now = look.clock.now();
        self.pause = Some(pace::usual(elapsed(self.began, now)));
        let migration = match found {
            Ok(Found::Present(json)) => Some(Migration::read(self.goal.migration().clone(), &json)),
            Ok(Found::Absent) => None,
            Err(error) => return self.is_blind(error, now, look),
        };
        self.blind = 0;
        let Some(migration) = migration else {
            return self.is_gone(now);
        };
        self.gone = 0;
        look.seen.note(&migration);
        let progress = MigrationProgress::of(&migration);
        let told = Event::Progress {
            unit: self.unit,
            progress: &progress,
        };
        look.observer.event(now, &told);
        match self.judge(&migration, now, look) {
            Verdict::Over(Ok(())) => Sight::Passed(Some(Box::new(migration))),
            Verdict::Over(Err(error)) => Sight::Failed(error),
            Verdict::Asks(substate, answer) => Sight::Asks(substate, answer),
            Verdict::Stands(waits) => {
                let same = kind(waits.as_ref()) == kind(self.waits.as_ref());
                self.waits.clone_from(&waits);
                if same { Sight::Nothing } else { Sight::Changed(waits) }
            }
        }
    }

    fn is_blind(&mut self, error: ArmError, now: Timestamp, look: &Look<'_>) -> Sight<'p> {
        self.blind += 1;
        self.good = 0;
        // Looks that would be refused unsent say nothing about whether it can be seen.
        let asked = error.failure.asked().unwrap_or_default();
        self.pause = Some(pace::usual(elapsed(self.began, now)).max(asked));
        let limit = match error.failure {
            Failure::Unauthenticated { .. } => BLIND_WITHOUT_LOGIN,
            Failure::Refused(_)
            | Failure::Failed(_)
            | Failure::Throttled { .. }
            | Failure::Unreachable(_)
            | Failure::Garbled(_)
            | Failure::Unaddressable { .. }
            | Failure::TimedOut { .. } => BLIND,
        };
        if self.blind >= limit {
            return Sight::Lost(error);
        }
        let told = Event::Unreadable {
            unit: self.unit,
            error: &error,
        };
        look.observer.event(now, &told);
        Sight::Nothing
    }

    fn is_gone(&mut self, now: Timestamp) -> Sight<'p> {
        self.gone += 1;
        self.good = 0;
        self.pause = Some(NEAR_CUTOVER);
        if self.gone < GONE {
            return Sight::Nothing;
        }
        match self.goal {
            // With its server, as it seems: it is in nobody's way any more.
            Goal::Await(Await {
                until: Until::Ended, ..
            }) => Sight::Passed(None),
            Goal::Await(_) | Goal::Gate(_) if elapsed(self.began, now) < SETTLING => Sight::Nothing,
            Goal::Await(_) | Goal::Gate(_) => {
                let migration = self.goal.migration().clone();
                Sight::Failed(StepError::Vanished { migration })
            }
        }
    }

    fn judge(&mut self, migration: &Migration, now: Timestamp, look: &Look<'_>) -> Verdict<'p> {
        match self.goal {
            Goal::Await(watch) => self.judge_way(watch, migration, now),
            Goal::Gate(gate) => self.judge_gate(gate, migration, now, look),
        }
    }

    fn judge_way(&mut self, watch: &'p Await, migration: &Migration, now: Timestamp) -> Verdict<'p> {
        match (migration.standing(), watch.until) {
            (Standing::Ended(_), Until::Ended)
            | (Standing::Ended(Ending::Succeeded), Until::ReadyForCutover | Until::Succeeded)
            | (Standing::ReadyForCutover, Until::ReadyForCutover) => Verdict::Over(Ok(())),
            (Standing::Ended(ending), Until::ReadyForCutover | Until::Succeeded) => {
                Verdict::Over(Err(StepError::Ended(Box::new(EndedBadly::of(migration, ending)))))
            }
            (Standing::Asking(substate), Until::ReadyForCutover | Until::Succeeded) => {
                self.judge_question(watch, substate)
            }
            (Standing::ReadyForCutover, Until::Succeeded) => {
                self.pause = Some(NEAR_CUTOVER);
                Verdict::Stands(self.stall(migration, watch.stall_after, now))
            }
            (Standing::Running, Until::ReadyForCutover | Until::Succeeded) => {
                if migration.substate == Some(Substate::CompletingMigration) {
                    self.pause = Some(NEAR_CUTOVER);
                }
                self.answered = None;
                Verdict::Stands(self.stall(migration, watch.stall_after, now))
            }
            (Standing::Running, Until::Ended) => Verdict::Stands(None),
            (Standing::Asking(substate), Until::Ended) => Verdict::Stands(Some(WaitsFor::Somebody {
                migration: watch.migration.clone(),
                substate,
            })),
            (Standing::ReadyForCutover, Until::Ended) => Verdict::Stands(Some(WaitsFor::Somebody {
                migration: watch.migration.clone(),
                substate: Substate::WaitingForCutover,
            })),
        }
    }

    fn judge_question(&mut self, watch: &'p Await, substate: Substate) -> Verdict<'p> {
        let (unheard, may_answer) = match &mut self.answered {
            Some(answered) if answered.substate == substate => {
                answered.looks += 1;
                let unheard = answered.looks > UNHEARD;
                (unheard, unheard && answered.sent < ANSWERS)
            }
            Some(_) | None => (true, true),
        };
        let why = match watch.questions.get(substate.as_str()) {
            Some(Response::Answer(answer)) if may_answer => return Verdict::Asks(substate, answer),
            Some(Response::Person(why)) => Some(*why),
            Some(Response::Answer(_)) | None => None,
        };
        Verdict::Stands(unheard.then_some(WaitsFor::Answer { substate, why }))
    }

    fn stall(&mut self, migration: &Migration, after: Duration, now: Timestamp) -> Option<WaitsFor> {
        let pulse = Pulse::of(migration);
        let since = match &self.pulse {
            Some((last, since)) if *last == pulse => *since,
            Some(_) | None => now,
        };
        self.pulse = Some((pulse, since));
        let waits_for_time = migration.substate == Some(Substate::WaitingForWindow);
        (!waits_for_time && elapsed(since, now) >= after).then_some(WaitsFor::Stalled { since })
    }

    fn judge_gate(&mut self, gate: &'p Gate, migration: &Migration, now: Timestamp, look: &Look<'_>) -> Verdict<'p> {
        match migration.standing() {
            Standing::Ended(Ending::Succeeded) => Verdict::Over(Ok(())),
            Standing::Ended(ending @ (Ending::Failed | Ending::ValidationFailed | Ending::Canceled)) => {
                Verdict::Over(Err(StepError::Ended(Box::new(EndedBadly::of(migration, ending)))))
            }
            Standing::ReadyForCutover => self.judge_reading(gate, migration, now, look),
            // Somebody was here before us.
            Standing::Running if migration.is_cutting_over() => Verdict::Over(Ok(())),
            Standing::Running => {
                self.good = 0;
                match self.patience {
                    Some(patience) if elapsed(self.began, now) >= patience => Verdict::Over(Err(StepError::NotReady {
                        migration: migration.id.clone(),
                        state: migration.state.to_string(),
                        wanted: "ready for its cutover",
                    })),
                    Some(_) | None => Verdict::Stands(None),
                }
            }
            Standing::Asking(substate) => {
                self.good = 0;
                Verdict::Stands(Some(WaitsFor::Answer { substate, why: None }))
            }
        }
    }

    /// What a gate's window says, where it is closed.
    fn judge_window(&mut self, window: &Window, now: Timestamp) -> Verdict<'p> {
        let Some(opens) = window.opens(now) else {
            let never = StepError::WindowClosed {
                holds: Held::Cutover,
                window: Box::new(window.clone()),
                opens: None,
            };
            return Verdict::Over(Err(never));
        };
        self.pause = self.pause.map(|pause| pause.min(elapsed(now, opens)));
        Verdict::Stands(Some(WaitsFor::Window {
            holds: Held::Cutover,
            opens,
            local: window.local(opens),
        }))
    }

    fn judge_reading(&mut self, gate: &'p Gate, migration: &Migration, now: Timestamp, look: &Look<'_>) -> Verdict<'p> {
        // While a person is waited for, a row that is complete grows no further.
        let before = self.good.min(gate.samples.saturating_sub(1));
        let reading = GateReading::of(gate, migration, &look.seen, before);
        self.good = reading.good;
        let gist = Gist::of(&reading);
        let closed = gate.window.as_ref().filter(|window| !window.is_open(now));
        let goes_on_by_itself = gate.opens == Opens::ByItself && !reading.is_hopeless() && closed.is_none();
        if goes_on_by_itself || self.gist.as_ref() != Some(&gist) {
            let told = Event::GateRead {
                unit: self.unit,
                reading: &reading,
            };
            look.observer.event(now, &told);
        }
        self.gist = Some(gist);
        if let Some(window) = closed.filter(|_| gate.opens == Opens::ByItself && !reading.is_hopeless()) {
            return self.judge_window(window, now);
        }
        let reading = Box::new(reading);
        match gate.opens {
            opens @ (Opens::ByHand | Opens::ByApproval) => Verdict::Stands(Some(WaitsFor::Cutover { reading, opens })),
            Opens::ByItself if reading.is_open() => Verdict::Over(Ok(())),
            Opens::ByItself => {
                self.pause = Some(NEAR_CUTOVER);
                let waited = elapsed(self.began, now);
                match self.patience {
                    Some(_) if reading.is_hopeless() => Verdict::Over(Err(StepError::GateClosed { reading, waited })),
                    // Whether the others come without it is for a person to say.
                    None if reading.is_hopeless() => Verdict::Stands(Some(WaitsFor::Cutover {
                        reading,
                        opens: Opens::ByHand,
                    })),
                    // A row of good readings that has begun is seen to its end.
                    Some(patience) if waited >= patience && !reading.holds() => {
                        Verdict::Over(Err(StepError::GateClosed { reading, waited }))
                    }
                    Some(_) | None => Verdict::Stands(None),
                }
            }
        }
    }
}

impl Gist {
    fn of(reading: &GateReading) -> Self {
        let objections = reading.databases.iter().map(|database| &database.objections);
        Self {
            good: reading.good,
            objections: objections
                .map(|of_one| of_one.iter().map(mem::discriminant).collect())
                .collect(),
        }
    }
}

impl Pulse {
    fn of(migration: &Migration) -> Self {
        let databases = migration.progress.values();
        Self {
            state: migration.state.clone(),
            substate: migration.substate.clone(),
            databases: databases
                .map(|database| (database.state.clone(), database.tables, database.changes))
                .collect(),
        }
    }
}

/// What somebody who waits for it would call the same.
#[derive(PartialEq)]
enum Kind<'a> {
    Nothing,
    Answer(&'a Substate),
    Somebody(&'a Substate),
    ClosedGate,
    OpenGate,
    Stalled,
    Window(Timestamp),
}

fn kind(waits: Option<&WaitsFor>) -> Kind<'_> {
    match waits {
        None => Kind::Nothing,
        Some(WaitsFor::Answer { substate, .. }) => Kind::Answer(substate),
        Some(WaitsFor::Somebody { substate, .. }) => Kind::Somebody(substate),
        Some(WaitsFor::Cutover { reading, .. }) if reading.is_open() => Kind::OpenGate,
        Some(WaitsFor::Cutover { .. }) => Kind::ClosedGate,
        Some(WaitsFor::Stalled { .. }) => Kind::Stalled,
        Some(WaitsFor::Window { opens, .. }) => Kind::Window(*opens),
    }
}
