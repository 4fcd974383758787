//! Who goes before whom: one migration at a time per target and per runtime server, as many as allowed per source. Pure; plans
//! and `status` ask here, so that what is shown is what runs.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::address::{Address, UnitAddress};
use crate::arm::ArmId;
use crate::graph::Graph;
use crate::kind::database_batch::Batch;

/// Where a migration queues.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// One active migration at a time.
    pub target: ArmId,
    /// As many as `max_concurrent`.
    pub source: Address,
    /// One at a time.
    pub runtime: Option<ArmId>,
    /// Migrations at a time from the source.
    pub max_concurrent: usize,
    /// Higher goes first.
    pub priority: i64,
    /// What is already running goes before everything.
    pub standing: QueuePlace,
    /// Within its batch.
    pub number: u32,
}

/// Whether a migration already has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueuePlace {
    /// It runs.
    Holding,
    /// It waits.
    Waiting,
}

impl Queue {
    /// Where the migration of this number of a batch queues.
    pub fn of(batch: &Batch, number: u32, standing: QueuePlace) -> Self {
        Self {
            target: batch.target.clone(),
            source: batch.source_address.clone(),
            runtime: batch.runtime.clone(),
            max_concurrent: batch.max_concurrent,
            priority: batch.priority,
            standing,
            number,
        }
    }

    /// Whether one may have to wait for the other.
    pub fn meets(&self, other: &Self) -> bool {
        let shares_runtime = self.runtime.is_some() && self.runtime == other.runtime;
        self.target == other.target || self.source == other.source || shares_runtime
    }
}

/// When a migration's turn comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Its place among what was lined up.
    pub entry: usize,
    /// The places of those that must be over before it.
    pub behind: BTreeSet<usize>,
    /// None of these goes before it on its target: whoever else holds that does.
    pub leads: bool,
}

/// Lines migrations up. Every queue is a chain that follows one global order, so queues cannot wait for each other in a
/// circle.
pub fn line_up(entries: &[(&UnitAddress, &Queue)], depths: &Depths) -> Vec<Turn> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_cached_key(|at| {
        entries.get(*at).map(|(unit, queue)| {
            (
                queue.standing,
                depths.of(&unit.resource),
                Reverse(queue.priority),
                unit.resource.clone(),
                queue.number,
            )
        })
    });
    let mut targets: HashMap<&ArmId, usize> = HashMap::new();
    let mut runtimes: HashMap<&ArmId, usize> = HashMap::new();
    let mut sources: HashMap<&Address, Vec<usize>> = HashMap::new();
    let mut turns = Vec::with_capacity(order.len());
    for entry in order {
        let Some((_, queue)) = entries.get(entry) else { continue };
        let on_target = targets.insert(&queue.target, entry);
        let on_runtime = queue.runtime.as_ref().and_then(|it| runtimes.insert(it, entry));
        let source = sources.entry(&queue.source).or_default();
        let at_source = source
            .len()
            .checked_sub(queue.max_concurrent.max(1))
            .and_then(|at| source.get(at))
            .copied();
        source.push(entry);
        turns.push(Turn {
            entry,
            behind: on_target.into_iter().chain(on_runtime).chain(at_source).collect(),
            leads: on_target.is_none(),
        });
    }
    turns
}

/// How deep each batch stands below other batches, so that queues never go against dependencies.
#[derive(Debug, Default)]
pub struct Depths(HashMap<Address, usize>);

impl Depths {
    /// Of all batches of a graph.
    pub fn new(graph: &Graph) -> Self {
        let mut depths = Self::default();
        for (declaration, _) in graph.batches() {
            depths.fathom(graph, &declaration.address);
        }
        depths
    }

    fn of(&self, batch: &Address) -> usize {
        self.0.get(batch).copied().unwrap_or(0)
    }

    fn fathom(&mut self, graph: &Graph, address: &Address) {
        let mut stack = vec![(address.clone(), 0_usize, 0_usize)];
        while let Some((at, next, best)) = stack.pop() {
            if self.0.contains_key(&at) {
                continue;
            }
            match graph.needs(&at).get(next) {
                Some(need) => match self.0.get(&need.on) {
                    Some(known) => {
                        let known = *known;
                        stack.push((at, next + 1, best.max(known + 1)));
                    }
                    None => {
                        stack.push((at, next, best));
                        stack.push((need.on.clone(), 0, 0));
                    }
                },
                None => {
                    self.0.insert(at, best);
                }
            }
        }
    }
}
