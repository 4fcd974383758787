//! One migration's cutover by hand: its gate is looked at first, then the trigger is sent, then its end is watched. It works
//! beside a run that only watches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::by_hand::{ByHand, Watched};
use super::deed::Deed;
use super::elapsed;
use super::error::{ApplyError, StepError};
use super::observer::{Downtime, Event, Observer, WaitsFor};
use super::report::{Outcome, Unseen};
use super::step::{Fruit, Left, Performed};
use super::watch::{Goal, Sight};
use super::{Interrupt, Options, Ports, Wait};
use crate::address::UnitAddress;
use crate::plan::step::{Opens, Until};
use crate::plan::{Await, Gate, Op};

/// What to cut over, and on which conditions.
#[derive(Clone, Debug)]
pub struct CutoverOrder {
    /// The migration's unit.
    pub unit: UnitAddress,
    /// The conditions. The command itself is the hand that opens the gate.
    pub gate: Gate,
    /// How long to wait for the conditions, by the cloud's clock.
    pub patience: Duration,
    /// No counter moved for so long afterwards: that ends the command's watch.
    pub stall_after: Duration,
}

/// What became of a cutover.
#[derive(Debug)]
pub struct CutoverReport {
    /// Done, in flight, or waiting.
    pub outcome: Outcome,
    /// How long it took, once it is over and this command triggered it.
    pub downtime: Option<Downtime>,
}

/// Cuts a migration over.
///
/// # Errors
/// When the state is locked, the conditions do not hold in time, or the service refuses.
pub async fn cutover(
    order: &CutoverOrder,
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<CutoverReport, ApplyError> {
    let hand = ByHand {
        ports: *ports,
        options,
        interrupt,
        observer,
        unit: &order.unit,
        seen: Arc::default(),
    };
    let gate = Gate {
        opens: Opens::ByItself,
        ..order.gate.clone()
    };
    if let Some(report) = ended_early(&hand, &gate, order.patience).await? {
        return Ok(report);
    }
    let op = Op::Cutover {
        migration: gate.migration.clone(),
        databases: gate.databases.clone(),
    };
    let deed = Deed::Cutover {
        id: gate.migration.clone(),
        databases: &gate.databases,
        gate: Some(&gate),
        seen_open: true,
    };
    let fruit = match hand.act(op, deed, "cutover by hand").await? {
        Performed::Done(fruit) => fruit,
        Performed::Left(Left::InAzure) => return Ok(in_flight()),
        Performed::Left(Left::NotThere) => return Ok(not_begun()),
    };
    match options.wait {
        Wait::Done => to_the_end(&hand, order, &gate, fruit).await,
        Wait::Ready | Wait::NoWait => Ok(in_flight()),
    }
}

fn in_flight() -> CutoverReport {
    CutoverReport {
        outcome: Outcome::InFlight { unseen: None },
        downtime: None,
    }
}

fn not_begun() -> CutoverReport {
    CutoverReport {
        outcome: Outcome::Left { behind: None },
        downtime: None,
    }
}

/// Waits for the conditions; a report, where there is nothing more to do.
async fn ended_early(hand: &ByHand<'_>, gate: &Gate, patience: Duration) -> Result<Option<CutoverReport>, ApplyError> {
    let watcher = hand.watcher(Goal::Gate(gate), Some(patience));
    let sight = match hand.watch(watcher).await {
        Watched::Seen(sight) => sight,
        Watched::Interrupted => return Ok(Some(not_begun())),
    };
    match sight {
        Sight::Passed(_) | Sight::Changed(None) | Sight::Nothing => Ok(None),
        Sight::Failed(error) => Err(hand.failed(error)),
        Sight::Lost(error) => Err(hand.failed(StepError::Arm(error))),
        Sight::Changed(Some(WaitsFor::Window { holds, opens, .. })) => match &gate.window {
            // A command of a person does not stay until then.
            Some(window) => Err(hand.failed(StepError::WindowClosed {
                holds,
                window: Box::new(window.clone()),
                opens: Some(opens),
            })),
            None => Ok(None),
        },
        Sight::Changed(Some(waits)) => Ok(Some(waiting(waits))),
        Sight::Asks(substate, _) => Ok(Some(waiting(WaitsFor::Answer { substate, why: None }))),
    }
}

fn waiting(waits: WaitsFor) -> CutoverReport {
    CutoverReport {
        outcome: Outcome::Waiting(waits),
        downtime: None,
    }
}

async fn to_the_end(
    hand: &ByHand<'_>,
    order: &CutoverOrder,
    gate: &Gate,
    fruit: Fruit,
) -> Result<CutoverReport, ApplyError> {
    let way = Await {
        migration: gate.migration.clone(),
        until: Until::Succeeded,
        questions: BTreeMap::new(),
        stall_after: order.stall_after,
        databases: gate.databases.clone(),
    };
    let watcher = hand.watcher(Goal::Await(&way), None);
    let sight = match hand.watch(watcher).await {
        Watched::Seen(sight) => sight,
        Watched::Interrupted => return Ok(in_flight()),
    };
    let migration = match sight {
        Sight::Passed(migration) => migration,
        Sight::Failed(error) => return Err(hand.failed(error)),
        Sight::Changed(Some(waits)) => return Ok(waiting(waits)),
        Sight::Asks(substate, _) => return Ok(waiting(WaitsFor::Answer { substate, why: None })),
        Sight::Lost(error) => {
            return Ok(CutoverReport {
                outcome: Outcome::InFlight {
                    unseen: Some(Unseen::Lost(error)),
                },
                downtime: None,
            });
        }
        Sight::Changed(None) | Sight::Nothing => return Ok(in_flight()),
    };
    let now = hand.ports.clock.now();
    let ended = migration.and_then(|migration| migration.ended);
    let downtime = fruit.triggered.map(|triggered| Downtime {
        unit: order.unit.clone(),
        migration: gate.migration.clone(),
        triggered,
        took: elapsed(triggered, ended.filter(|ended| *ended >= triggered).unwrap_or(now)),
    });
    if let Some(downtime) = &downtime {
        hand.observer.event(now, &Event::Downtime(downtime));
    }
    Ok(CutoverReport {
        outcome: Outcome::Done,
        downtime,
    })
}
