//! One migration's end by hand. A cancel is never planned: what it leaves on the target cannot be used. Asking for consent
//! belongs to the command line.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::by_hand::{ByHand, Watched};
use super::deed::Deed;
use super::error::{ApplyError, StepError};
use super::observer::{Event, Observer};
use super::step::{Left, Performed};
use super::watch::{Goal, Sight};
use super::{Interrupt, Options, Ports, Wait};
use crate::address::UnitAddress;
use crate::arm::Found;
use crate::arm::migration::{Ending, Migration};
use crate::plan::step::Until;
use crate::plan::{Await, Op};

/// What to cancel.
#[derive(Clone, Debug)]
pub struct CancelOrder {
    /// The migration's unit.
    pub unit: UnitAddress,
    /// The migration, as it was when somebody agreed to lose what it has brought.
    pub shown: Migration,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The migration is over; it may have ended otherwise before the cancel reached it.
    Ended(Ending),
    /// The service is still at it.
    InFlight,
    /// This process was asked to stop before the service was asked to.
    NotAsked,
}

/// Cancels a migration and waits until it is over.
///
/// # Errors
/// When the state is locked, the migration is over or not there, or the service refuses.
pub async fn cancel(
    order: &CancelOrder,
    ports: &Ports<'_>,
    options: &Options,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Cancelled, ApplyError> {
    let hand = ByHand {
        ports: *ports,
        options,
        interrupt,
        observer,
        unit: &order.unit,
        seen: Arc::default(),
    };
    let migration = active(&hand, order).await?;
    let id = &order.shown.id;
    let deed = Deed::Cancel {
        id: id.clone(),
        shown: &order.shown,
    };
    let end = Await {
        migration: id.clone(),
        until: Until::Ended,
        questions: BTreeMap::new(),
        stall_after: Duration::MAX,
        databases: migration.databases,
    };
    match hand.act(Op::Await(end.clone()), deed, "cancel by hand").await? {
        Performed::Done(_) => {}
        Performed::Left(Left::InAzure) => return Ok(Cancelled::InFlight),
        Performed::Left(Left::NotThere) => return Ok(Cancelled::NotAsked),
    }
    let sent = Event::CancelSent {
        unit: &order.unit,
        migration: id,
    };
    observer.event(ports.clock.now(), &sent);
    if options.wait != Wait::Done {
        return Ok(Cancelled::InFlight);
    }
    let watcher = hand.watcher(Goal::Await(&end), None);
    match hand.watch(watcher).await {
        Watched::Seen(Sight::Passed(migration)) => {
            let ending = migration.and_then(|migration| migration.state.ending());
            Ok(ending.map_or(Cancelled::InFlight, Cancelled::Ended))
        }
        Watched::Seen(Sight::Failed(error)) => Err(hand.failed(error)),
        Watched::Seen(Sight::Lost(_) | Sight::Asks(..) | Sight::Changed(_) | Sight::Nothing) | Watched::Interrupted => {
            Ok(Cancelled::InFlight)
        }
    }
}

async fn active(hand: &ByHand<'_>, order: &CancelOrder) -> Result<Migration, ApplyError> {
    let id = &order.shown.id;
    let found = hand.ports.arm.get(id).await.map_err(ApplyError::Arm)?;
    let migration = match &found {
        Found::Present(json) => Some(Migration::read(id.clone(), json)),
        Found::Absent => None,
    };
    let migration = migration.ok_or_else(|| hand.failed(StepError::Vanished { migration: id.clone() }))?;
    match migration.state.ending() {
        None => Ok(migration),
        Some(_) => Err(hand.failed(StepError::NotReady {
            migration: id.clone(),
            state: migration.state.to_string(),
            wanted: "running",
        })),
    }
}
