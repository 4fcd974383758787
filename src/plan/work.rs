//! What is to be done with each unit, before it is ordered: where the parts of planning meet. It decides nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::address::UnitAddress;
use crate::arm::ArmId;

use super::Finding;
use super::action::{Change, Drift, Loss};
use super::queue::Queue;
use super::step::{Op, Remember};

/// What is to be done with one unit: what is shown, and the operations in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The unit.
    pub unit: UnitAddress,
    /// What is shown; `None` where only the memory is brought up to date.
    pub change: Option<Change>,
    /// What has to leave first: the object itself where it is made anew, and the one that its address stood for before.
    pub removals: Vec<Operation>,
    /// Objects that the removals stop making work.
    pub left: BTreeSet<ArmId>,
    /// The operations, each after the one before.
    pub ops: Vec<Operation>,
    /// Which way it goes.
    pub direction: Direction,
    /// Objects it makes work, or stops doing so.
    pub touches: BTreeSet<ArmId>,
    /// For a migration: where it queues.
    pub queue: Option<Queue>,
}

impl Work {
    /// A work that touches nothing and queues nowhere.
    pub(super) fn new(unit: &UnitAddress, change: Option<Change>, ops: Vec<Operation>, direction: Direction) -> Self {
        Self {
            unit: unit.clone(),
            change,
            removals: Vec::new(),
            left: BTreeSet::new(),
            ops,
            direction,
            touches: BTreeSet::new(),
            queue: None,
        }
    }
}

/// Whether a work builds up or takes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// After what it needs.
    Up,
    /// Before what it needs.
    Down,
}

/// An operation before it is numbered.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// What it does.
    pub op: Op,
    /// Objects that only one writer may work on at a time.
    pub scopes: BTreeSet<ArmId>,
    /// How long it may take.
    pub patience: Option<Duration>,
    /// What is remembered afterwards.
    pub then: Remember,
}

/// Everything that is to be done, and what was seen on the way.
#[derive(Debug, Default)]
pub struct Works {
    /// By unit address.
    pub list: Vec<Work>,
    /// Units that stay.
    pub kept: usize,
    /// What somebody else changed.
    pub drift: Vec<Drift>,
    /// What would be lost.
    pub losses: Vec<Loss>,
    /// What is to be said of what was found.
    pub findings: Vec<Finding>,
}

impl Works {
    /// Takes a work in; what changes nothing counts as kept.
    pub(super) fn take(&mut self, work: Option<Work>) {
        if work.as_ref().is_none_or(|work| work.change.is_none()) {
            self.kept += 1;
        }
        self.list.extend(work);
    }
}
