//! What tests of this module stand on: an Azure in memory, plans built by hand, an observer that keeps what it hears.
//! Time is tokio's paused time, which jumps to the next timer when nobody has anything to do.

mod arm;
mod fuse;
mod plans;
mod tally;
mod vault;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pgferry_state::testing::MemoryStore;
use pgferry_state::{Actor, Store};

pub(super) use arm::{Azure, Fault, status};
pub(super) use fuse::{Fuse, Fused};
pub(super) use plans::{Chain, Plans, batch_id, chain, peering_id, put, target_id};
pub(super) use tally::Tally;
pub(super) use vault::Vault;

use super::observer::{Event, Observer};
use super::{ApplyError, Caller, Interrupt, Interrupter, Options, Ports, Report};
use crate::arm::{Cloud, Outputs};
use crate::clock::Clock;
use crate::plan::Plan;
use crate::plan::approve::Approved;
use crate::secret::Secrets;

/// Time as tokio has it, counted from the epoch.
#[derive(Clone)]
pub(super) struct TestClock {
    began: tokio::time::Instant,
    sleeps: Arc<AtomicUsize>,
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap();
        Timestamp::UNIX_EPOCH + passed
    }

    async fn sleep(&self, duration: Duration) {
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(duration).await;
    }
}

impl TestClock {
    /// How many timers were set.
    pub(super) fn sleeps(&self) -> usize {
        self.sleeps.load(Ordering::Relaxed)
    }
}

/// Keeps one line per event.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, at: Timestamp, event: &Event<'_>) {
        let line = match event {
            Event::RunStarted { steps, .. } => format!("run of {steps} steps"),
            Event::Recovered { step } => format!("recovered {}", step.unit),
            Event::StepStarted { step } => format!("begins {} {}", step.id, step.unit),
            Event::StepFinished { step, .. } => format!("done {} {}", step.id, step.unit),
            Event::StepFailed { step, error, .. } => {
                format!("failed {} {}: {}", step.id, step.unit, super::run::in_full(*error))
            }
            Event::StepSkipped { step, because } => format!("skipped {} because of {}", step.id, because.id),
            Event::Repeated { step, attempt, .. } => format!("attempt {attempt} of {}", step.id),
            Event::Progress { unit, progress } => match &progress.substate {
                Some(substate) => format!("{unit} {} {substate}", progress.state),
                None => format!("{unit} {}", progress.state),
            },
            Event::Unreadable { unit, .. } => format!("{unit} cannot be read"),
            Event::Answered { unit, substate, .. } => format!("answered {substate} of {unit}"),
            Event::Waiting { unit, waits } => format!("{unit} waits for {waits:?}").chars().take(60).collect(),
            Event::GoesOn { unit } => format!("{unit} goes on"),
            Event::GateRead { unit, reading } => {
                format!(
                    "gate of {unit}: {} of {}, lag {:?}",
                    reading.good,
                    reading.needed,
                    reading.lag()
                )
            }
            Event::CutoverTriggered { unit, .. } => format!("cutover of {unit}"),
            Event::Downtime(downtime) => format!("downtime of {} {:?}", downtime.unit, downtime.took),
            Event::CancelSent { unit, .. } => format!("cancel of {unit}"),
            Event::LockTaken => "lock taken".to_owned(),
            Event::LockReleased => "lock released".to_owned(),
            Event::LockAwaited { holder } => format!("waits for {}", holder.who),
            Event::Interrupted => "interrupted".to_owned(),
        };
        let line = format!("{:>5} {line}", at.as_second());
        self.0.lock().unwrap().push(line);
    }
}

impl Heard {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Events without their times.
    pub(super) fn words(&self) -> Vec<String> {
        let lines = self.lines();
        lines
            .iter()
            .map(|line| line.trim_start().split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.lines().iter().any(|line| line.contains(part))
    }
}

/// A place to run plans in.
pub(super) struct Bench {
    pub(super) azure: Arc<Azure>,
    pub(super) store: MemoryStore,
    pub(super) fuse: Fuse,
    pub(super) clock: TestClock,
    pub(super) heard: Heard,
    pub(super) options: Options,
    pub(super) interrupter: Interrupter,
    pub(super) interrupt: Interrupt,
    pub(super) secrets: Secrets,
    pub(super) vaults: Vault,
    pub(super) outputs: Outputs,
    pub(super) caller: Caller,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::on(Azure::default())
    }

    pub(super) fn on(azure: Azure) -> Self {
        Self::with_fuse(Arc::new(azure), MemoryStore::new(), Fuse::endless())
    }

    /// Another process in the same world.
    pub(super) fn on_same(other: &Self) -> Self {
        let mut bench = Self::with_fuse(Arc::clone(&other.azure), other.store.clone(), Fuse::endless());
        bench.clock = other.clock.clone();
        bench
    }

    /// Another process in the same world, which will be killed.
    pub(super) fn with_fuse(azure: Arc<Azure>, store: MemoryStore, fuse: Fuse) -> Self {
        let (interrupter, interrupt) = Interrupter::new();
        Self {
            azure,
            store,
            fuse,
            clock: TestClock {
                began: tokio::time::Instant::now(),
                sleeps: Arc::default(),
            },
            heard: Heard::default(),
            options: Options::default(),
            interrupter,
            interrupt,
            secrets: Secrets::default(),
            vaults: Vault::default(),
            outputs: Outputs::default(),
            caller: Caller {
                approval: Some(pgferry_state::Approval::Unasked),
                who: Actor::new("tester"),
                process: 1,
                command: "apply".into(),
                cloud: Cloud::Simulator,
                tenant: "00000000-0000-0000-0000-0000000000aa".parse().unwrap(),
                subscription: plans::SUBSCRIPTION.parse().unwrap(),
            },
        }
    }

    pub(super) async fn run(&self, plan: &Plan) -> Result<Report, ApplyError> {
        self.with(async |ports| super::run(&approved(plan), &ports, &self.options, &self.interrupt, &self.heard).await)
            .await
    }

    /// Runs a plan in another store.
    pub(super) async fn run_in(&self, store: &dyn Store, plan: &Plan) -> Result<Report, ApplyError> {
        self.with(async |ports| {
            let ports = Ports { store, ..ports };
            super::run(&approved(plan), &ports, &self.options, &self.interrupt, &self.heard).await
        })
        .await
    }

    /// Does something with the ports of this bench.
    pub(super) async fn with<T>(&self, act: impl AsyncFnOnce(Ports<'_>) -> T) -> T {
        let arm = Fused::new(&*self.azure, &self.fuse);
        let store = Fused::new(&self.store, &self.fuse);
        let ports = Ports {
            arm: &arm,
            store: &store,
            clock: &self.clock,
            wall: &self.clock,
            secrets: &self.secrets,
            vaults: &self.vaults,
            outputs: &self.outputs,
            caller: &self.caller,
        };
        act(ports).await
    }
}

pub(super) fn approved(plan: &Plan) -> Approved {
    plan.clone().approve().unwrap()
}
