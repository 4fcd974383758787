//! Who goes before whom: one migration at a time per target and per runtime server, as many as allowed per source. Pure; plans
//! and `status` ask here, so that what is shown is what runs.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::address::{Address, UnitAddress};
use crate::arm::migration::Migration;
use crate::arm::{ArmId, SourceServer};
use crate::graph::Graph;
use crate::kind::database_batch::Batch;

/// Where a migration queues.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// One active migration at a time.
    pub target: ArmId,
    /// As many as `max_concurrent`.
    pub source: SourceServer,
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
            source: batch.source.server(),
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
    /// What must be over before it; nothing for what runs already.
    pub behind: BTreeSet<Ahead>,
}

/// What goes before a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ahead {
    /// What was lined up at this place.
    Entry(usize),
    /// The migration at this place among those that run and are not lined up.
    Other(usize),
}

/// Lines migrations up, behind what runs already: those of them that do, and `others`. Every queue is a chain that follows one
/// global order, so queues cannot wait for each other in a circle.
pub fn line_up(entries: &[(&UnitAddress, &Queue)], others: &[&Migration], depths: &Depths) -> Vec<Turn> {
    let mut places = Places::new(entries);
    for (at, other) in others.iter().enumerate() {
        if let Some(target) = other.id.parent() {
            let source = SourceServer::of(&other.source);
            places.occupy(&target, other.runtime.as_ref(), &source, Ahead::Other(at));
        }
    }
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
    let turn = |entry: usize| {
        let (_, queue) = entries.get(entry)?;
        let (runtime, who) = (queue.runtime.as_ref(), Ahead::Entry(entry));
        let behind = match queue.standing {
            QueuePlace::Holding => {
                places.occupy(&queue.target, runtime, &queue.source, who);
                BTreeSet::new()
            }
            QueuePlace::Waiting => places.follow(&queue.target, runtime, &queue.source, who),
        };
        Some(Turn { entry, behind })
    };
    order.into_iter().filter_map(turn).collect()
}

/// Everything that has room for so many migrations at a time.
struct Places {
    targets: HashMap<ArmId, Place>,
    runtimes: HashMap<ArmId, Place>,
    sources: HashMap<SourceServer, Place>,
    /// By source, the least that any of its batches allows.
    room: HashMap<SourceServer, usize>,
}

/// As many chains as there is room for: who is last in each.
struct Place {
    chains: Vec<Vec<Ahead>>,
    next: usize,
}

impl Places {
    fn new(entries: &[(&UnitAddress, &Queue)]) -> Self {
        let mut room: HashMap<SourceServer, usize> = HashMap::new();
        for (_, queue) in entries {
            let least = room.entry(queue.source.clone()).or_insert(queue.max_concurrent);
            *least = queue.max_concurrent.min(*least);
        }
        Self {
            targets: HashMap::new(),
            runtimes: HashMap::new(),
            sources: HashMap::new(),
            room,
        }
    }

    fn each<'a>(
        &'a mut self,
        target: &ArmId,
        runtime: Option<&ArmId>,
        source: &SourceServer,
    ) -> impl Iterator<Item = &'a mut Place> {
        let room = self.room.get(source).copied().unwrap_or(1);
        let target = self.targets.entry(target.clone()).or_insert_with(|| Place::new(1));
        let runtime = runtime.map(|runtime| self.runtimes.entry(runtime.clone()).or_insert_with(|| Place::new(1)));
        let source = self.sources.entry(source.clone()).or_insert_with(|| Place::new(room));
        std::iter::once(target).chain(runtime).chain(std::iter::once(source))
    }

    /// Somebody is there already, whether there is room or not.
    fn occupy(&mut self, target: &ArmId, runtime: Option<&ArmId>, source: &SourceServer, who: Ahead) {
        for place in self.each(target, runtime, source) {
            place.chain().push(who);
        }
    }

    /// Somebody comes next, behind whoever is the last of a chain.
    fn follow(
        &mut self,
        target: &ArmId,
        runtime: Option<&ArmId>,
        source: &SourceServer,
        who: Ahead,
    ) -> BTreeSet<Ahead> {
        let places = self.each(target, runtime, source);
        places
            .flat_map(|place| std::mem::replace(place.chain(), vec![who]))
            .collect()
    }
}

impl Place {
    fn new(room: usize) -> Self {
        Self {
            chains: vec![Vec::new(); room.max(1)],
            next: 0,
        }
    }

    /// The chain whose turn it is.
    fn chain(&mut self) -> &mut Vec<Ahead> {
        let at = self.next % self.chains.len();
        self.next = at + 1;
        self.chains.get_mut(at).expect("there is at least one chain")
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SERVERS: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers";

    fn server(name: &str) -> ArmId {
        format!("{SERVERS}/{name}").parse().unwrap()
    }

    /// A migration that queues for a target, a source that lets so many through, and a runtime server.
    fn queue(
        target: &str,
        (source, max_concurrent): (&str, usize),
        runtime: Option<&str>,
        standing: QueuePlace,
    ) -> Queue {
        Queue {
            target: server(target),
            source: SourceServer::of(source),
            runtime: runtime.map(server),
            max_concurrent,
            priority: 0,
            standing,
            number: 1,
        }
    }

    fn running(target: &str, source: &str, runtime: &str) -> Migration {
        let object = json!({ "properties": {
            "sourceDbServerResourceId": source,
            "migrationInstanceResourceId": server(runtime).as_str(),
            "currentStatus": { "state": "InProgress" },
        }});
        Migration::read(server(target).child("migrations", "running"), &object)
    }

    /// What each of them waits for, in the order of the queues given; units are named a, b, c.
    fn waits(queues: &[Queue], others: &[&Migration]) -> Vec<Vec<Ahead>> {
        let units: Vec<UnitAddress> = ('a'..)
            .take(queues.len())
            .map(|name| format!("database_batch.{name}#1").parse().unwrap())
            .collect();
        let entries: Vec<(&UnitAddress, &Queue)> = units.iter().zip(queues).collect();
        let mut turns = line_up(&entries, others, &Depths::default());
        turns.sort_by_key(|turn| turn.entry);
        turns
            .into_iter()
            .map(|turn| turn.behind.into_iter().collect())
            .collect()
    }

    use Ahead::{Entry, Other};
    use QueuePlace::{Holding, Waiting};

    #[test]
    fn what_runs_and_is_not_lined_up_holds_its_source_and_its_runtime_server_too() {
        let queues = [
            queue("t1", ("s:5432", 1), None, Waiting),
            queue("t2", ("other:5432", 1), Some("r"), Waiting),
            queue("t3", ("free:5432", 1), Some("free"), Waiting),
        ];
        let other = running("elsewhere", "S:5432@migrator", "r");
        assert_eq!(waits(&queues, &[&other]), [vec![Other(0)], vec![Other(0)], vec![]]);
    }

    #[test]
    fn the_least_that_any_batch_allows_holds_for_its_source() {
        let many = ("s:5432", 4);
        let one = ("s:5432", 1);
        let queues = [
            queue("t1", many, None, Waiting),
            queue("t2", one, None, Waiting),
            queue("t3", many, None, Waiting),
        ];
        assert_eq!(waits(&queues, &[]), [vec![], vec![Entry(0)], vec![Entry(1)]]);
        let all = [many; 5].map(|source| queue(&format!("t{}", source.1), source, None, Waiting));
        let targets: Vec<Queue> = all
            .into_iter()
            .zip(1..)
            .map(|(queue, number)| Queue {
                target: server(&format!("t{number}")),
                ..queue
            })
            .collect();
        assert_eq!(
            waits(&targets, &[]),
            [vec![], vec![], vec![], vec![], vec![Entry(0)]],
            "four at a time"
        );
    }

    #[test]
    fn what_runs_waits_for_nothing_and_what_comes_next_waits_for_all_of_it() {
        let queues = [
            queue("t1", ("s:5432", 1), Some("r"), Holding),
            queue("t2", ("s:5432", 1), Some("r"), Holding),
            queue("t3", ("s:5432", 1), Some("r"), Waiting),
        ];
        assert_eq!(waits(&queues, &[]), [vec![], vec![], vec![Entry(0), Entry(1)]]);
    }
}
