//! What of the declared batches has arrived, what has not begun and what it waits for, found by dealing and queueing them as a
//! plan would. It changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::Value as Json;

use super::error::CommandError;
use super::session::Session;
use super::view::layout::listed;
use super::view::progress::chain;
use crate::address::{Address, UnitAddress};
use crate::arm::migration::{Migration, MigrationOption, Standing};
use crate::arm::{ArmError, ArmId, ArmRead, Failure};
use crate::block::Import;
use crate::graph::Graph;
use crate::kind::database_batch::Batch;
use crate::plan::batch::{Chunk, Deal, Fate, Recorded, Retry, deal};
use crate::plan::import;
use crate::plan::questions;
use crate::plan::queue::{self, Depths, Queue, QueuePlace, line_up};
use crate::plan::step::{Opens, Response};
use crate::prior::Prior;
use crate::window::Window;

/// Targets that are read at once.
const IN_FLIGHT: usize = 16;

/// Where a declared batch stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dealt {
    /// Whether it only looks whether its databases could be moved.
    pub(crate) validates: bool,
    /// How many databases it declares.
    pub(crate) databases: usize,
    /// How many of them have arrived; where it only validates, how many were looked at.
    pub(crate) arrived: usize,
    /// When its migrations may start; at any time where there is none.
    pub(crate) window: Option<Window>,
    /// When they may be cut over.
    pub(crate) cutover_window: Option<Window>,
    /// What the next apply does with each of its migrations.
    pub(crate) next: BTreeMap<UnitAddress, Next>,
    /// Its migrations that have not begun, by number.
    pub(crate) queued: Vec<Queued>,
    /// Its migrations that run, or have ended badly, and whose last attempt is not remembered.
    pub(crate) unrecorded: Vec<Unrecorded>,
}

/// A migration whose last attempt is not remembered: made by hand, or from another state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unrecorded {
    /// Its unit.
    pub(crate) unit: UnitAddress,
    /// Its last attempt.
    pub(crate) migration: Migration,
    /// Attempts before it.
    pub(crate) earlier: usize,
}

/// What the next apply does with a migration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// Nothing: it has brought what it was to bring.
    Nothing,
    /// It starts it, or starts it again.
    Starts,
    /// It goes on with what runs.
    GoesOn {
        /// Who opens the gate of its cutover.
        opens: Opens,
        /// What becomes of the question that it asks now, where it asks one that is known.
        response: Option<Response>,
    },
    /// Nothing until somebody asks for another attempt.
    Stays,
}

impl Next {
    fn of(batch: &Batch, chunk: &Chunk, prior: &Prior) -> Self {
        match &chunk.fate {
            Fate::Done => Self::Nothing,
            Fate::Start(_) => Self::Starts,
            Fate::Stuck(..) => Self::Stays,
            Fate::Running(migration) => Self::GoesOn {
                opens: chunk.opens(batch, prior),
                response: match migration.standing() {
                    Standing::Asking(asked) => questions::of(batch, &migration.databases).remove(asked.as_str()),
                    Standing::Running | Standing::ReadyForCutover | Standing::Ended(_) => None,
                },
            },
        }
    }
}

/// A migration that has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    /// Its unit, as the next apply will name it.
    pub(crate) unit: UnitAddress,
    /// How many databases it will move.
    pub(crate) databases: usize,
    /// What has to be over before it.
    pub(crate) behind: Vec<Ahead>,
}

/// What goes before a migration that has not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ahead {
    /// Another one that is declared.
    Unit(UnitAddress),
    /// A migration of this name that no declared batch moves on and that holds its target, source or runtime server.
    Migration(String),
}

impl Queued {
    /// What it waits for, in words; a migration of the same batch by its number.
    pub(crate) fn waits_for(&self) -> Option<String> {
        let words = self.behind.iter().map(|ahead| match ahead {
            Ahead::Unit(UnitAddress {
                resource,
                part: Some(part),
            }) if *resource == self.unit.resource => format!("#{part}"),
            Ahead::Unit(unit) => unit.to_string(),
            Ahead::Migration(name) => format!("`{name}`"),
        });
        let words: Vec<String> = words.collect();
        (!words.is_empty()).then(|| listed(&words))
    }
}

/// What targets say of their migrations, or why one cannot be read.
#[derive(Default)]
pub(crate) struct Lists(HashMap<ArmId, Result<Vec<Migration>, String>>);

impl Lists {
    /// One list call per target, several in flight.
    ///
    /// # Errors
    /// When Azure cannot be asked. One server that may not be read does not hide the others.
    pub(crate) async fn read(session: &Session, targets: BTreeSet<ArmId>) -> Result<Self, CommandError> {
        let lists = ask(session, targets)
            .await
            .into_iter()
            .map(|(target, answer)| match answer {
                Ok(migrations) => Ok((target, Ok(migrations))),
                Err(error) => Ok((target, Err(forbidden(error)?))),
            });
        lists.collect::<Result<_, CommandError>>().map(Self)
    }

    /// The same for some of them, once more. One that cannot be read hides what was known of it, and ends nothing.
    pub(crate) async fn read_again(&mut self, session: &Session, targets: BTreeSet<ArmId>) {
        for (target, answer) in ask(session, targets).await {
            self.0.insert(target, answer.map_err(|error| chain(&error)));
        }
    }

    /// Of one target; `None` where it was not asked.
    pub(crate) fn of(&self, target: &ArmId) -> Option<Result<&[Migration], &str>> {
        let list = self.0.get(target)?;
        Some(list.as_deref().map_err(String::as_str))
    }
}

async fn ask(session: &Session, targets: BTreeSet<ArmId>) -> Vec<(ArmId, Result<Vec<Migration>, ArmError>)> {
    let reads = targets.into_iter().map(|target| async move {
        let answer = match target.child("migrations", "any").collection() {
            Some(collection) => session.client.list(&collection).await,
            None => Ok(None),
        };
        let listed = |found: Option<Vec<Json>>| {
            let members = found.iter().flatten();
            members.filter_map(|json| Migration::listed(&target, json)).collect()
        };
        let answer = answer.map(listed);
        (target, answer)
    });
    stream::iter(reads).buffer_unordered(IN_FLIGHT).collect().await
}

fn forbidden(error: ArmError) -> Result<String, CommandError> {
    match &error.failure {
        Failure::Refused(service) if service.status == 403 => Ok(format!("no right to read it ({})", service.code)),
        Failure::Refused(_)
        | Failure::Failed(_)
        | Failure::Throttled { .. }
        | Failure::Unauthenticated { .. }
        | Failure::Unreachable(_)
        | Failure::Garbled(_)
        | Failure::Unaddressable { .. }
        | Failure::TimedOut { .. } => Err(error.into()),
    }
}

/// A batch and those that it may queue with; all of them, where none is named.
pub(crate) fn neighbours<'a>(graph: &'a Graph, batch: Option<&Address>) -> Vec<&'a Batch> {
    let batches: Vec<&Batch> = graph.batches().map(|(_, batch)| batch).collect();
    let Some(address) = batch else { return batches };
    let queue = |batch: &Batch| Queue::of(batch, 0, QueuePlace::Waiting);
    let Some(own) = batches.iter().find(|batch| batch.address == *address) else {
        return Vec::new();
    };
    let own = queue(own);
    batches.into_iter().filter(|batch| own.meets(&queue(batch))).collect()
}

/// Where each batch stands, dealt among the migrations of its target, and what waits for what. A batch whose target cannot be
/// read is left out, and nothing is said to wait for it.
pub(crate) fn deal_all(
    batches: &[&Batch],
    (graph, imports): (&Graph, &[Import]),
    prior: &Prior,
    lists: &Lists,
) -> BTreeMap<Address, Dealt> {
    let mut dealt = BTreeMap::new();
    let mut line: Vec<(UnitAddress, Queue)> = Vec::new();
    let mut active: BTreeMap<&ArmId, Vec<&Migration>> = BTreeMap::new();
    let mut ours: BTreeSet<&ArmId> = BTreeSet::new();
    for batch in batches {
        let Some(Ok(migrations)) = lists.of(&batch.target) else {
            continue;
        };
        let running = migrations.iter().filter(|migration| migration.state.ending().is_none());
        active.insert(&batch.target, running.collect());
        let imports = import::of(imports, &batch.address).collect();
        let deal = deal(batch, prior, migrations, Retry::Unasked, &imports);
        for chunk in &deal.chunks {
            let place = match &chunk.fate {
                Fate::Running(_) => QueuePlace::Holding,
                Fate::Start(_) => QueuePlace::Waiting,
                Fate::Done | Fate::Stuck(..) => continue,
            };
            let queue = Queue::of(batch, chunk.number, place);
            line.push((batch.address.part(chunk.number), queue));
        }
        dealt.insert(batch.address.clone(), Dealt::of(batch, &deal, prior));
        for chunk in deal.chunks {
            if let Fate::Running(migration) = chunk.fate {
                ours.extend(migrations.iter().map(|it| &it.id).find(|id| **id == migration.id));
            }
        }
    }
    let entries: Vec<(&UnitAddress, &Queue)> = line.iter().map(|(unit, queue)| (unit, queue)).collect();
    let others: Vec<&Migration> = active
        .into_values()
        .flatten()
        .filter(|migration| !ours.contains(&migration.id))
        .collect();
    for turn in line_up(&entries, &others, &Depths::new(graph)) {
        let Some((unit, _)) = entries.get(turn.entry) else {
            continue;
        };
        let ahead = turn.behind.iter().filter_map(|ahead| match ahead {
            queue::Ahead::Entry(at) => entries.get(*at).map(|(unit, _)| Ahead::Unit((*unit).clone())),
            queue::Ahead::Other(at) => others
                .get(*at)
                .map(|migration| Ahead::Migration(migration.id.name().to_owned())),
        });
        let batch = dealt.get_mut(&unit.resource);
        let queued = batch.and_then(|batch: &mut Dealt| batch.queued.iter_mut().find(|queued| queued.unit == **unit));
        if let Some(queued) = queued {
            queued.behind = ahead.collect();
        }
    }
    dealt
}

impl Dealt {
    fn of(batch: &Batch, deal: &Deal, prior: &Prior) -> Self {
        let mut open: BTreeSet<&str> = deal.taken.iter().map(|(name, _)| name.as_str()).collect();
        open.extend(deal.chunks.iter().flat_map(to_come));
        let queued = deal
            .chunks
            .iter()
            .filter(|chunk| matches!(chunk.fate, Fate::Start(_)))
            .map(|chunk| Queued {
                unit: batch.address.part(chunk.number),
                databases: chunk.databases.len(),
                behind: Vec::new(),
            });
        Self {
            validates: batch.option == MigrationOption::Validate,
            databases: batch.databases.len(),
            arrived: batch
                .databases
                .iter()
                .filter(|name| !open.contains(name.as_str()))
                .count(),
            window: batch.window.clone(),
            cutover_window: batch.cutover.window.clone(),
            next: deal
                .chunks
                .iter()
                .map(|chunk| (batch.address.part(chunk.number), Next::of(batch, chunk, prior)))
                .collect(),
            queued: queued.collect(),
            unrecorded: deal
                .chunks
                .iter()
                .filter_map(|chunk| match (&chunk.fate, chunk.recorded) {
                    (Fate::Running(migration) | Fate::Stuck(migration, _), Recorded::Behind) => Some(Unrecorded {
                        unit: batch.address.part(chunk.number),
                        migration: (**migration).clone(),
                        earlier: chunk.attempts.len().saturating_sub(1),
                    }),
                    (Fate::Running(_) | Fate::Start(_) | Fate::Stuck(..) | Fate::Done, _) => None,
                })
                .collect(),
        }
    }
}

/// Databases that a migration has still to bring.
fn to_come(chunk: &Chunk) -> Vec<&str> {
    let missing = |migration: &Migration, name: &&String| !migration.has_arrived(name);
    match &chunk.fate {
        Fate::Done => Vec::new(),
        Fate::Start(start) => start.databases.iter().map(String::as_str).collect(),
        Fate::Running(migration) | Fate::Stuck(migration, _) => chunk
            .databases
            .iter()
            .filter(|name| missing(migration, name))
            .map(String::as_str)
            .collect(),
    }
}
