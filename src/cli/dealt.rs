//! What of the declared batches has arrived and what has not begun, found by dealing them as a plan would. It changes nothing.

use std::collections::BTreeSet;

use crate::address::UnitAddress;
use crate::arm::migration::Migration;
use crate::arm::{ArmId, Collection};
use crate::kind::database_batch::Batch;
use crate::plan::batch::{Chunk, Fate, Retry, deal};
use crate::plan::step::Opens;
use crate::prior::Prior;

/// Where a declared batch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dealt {
    /// How many databases it declares.
    pub(crate) databases: usize,
    /// How many of them have arrived.
    pub(crate) arrived: usize,
    /// Its migrations whose cutover waits for the configuration to approve it.
    pub(crate) unapproved: BTreeSet<UnitAddress>,
    /// Its migrations that have not begun, by number.
    pub(crate) queued: Vec<Queued>,
}

/// A migration that has not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queued {
    /// Its unit, as the next apply will name it.
    pub(crate) unit: UnitAddress,
    /// How many databases it will move.
    pub(crate) databases: usize,
    /// What goes before it: another migration of its batch, or whatever else holds the target.
    pub(crate) behind: Option<String>,
}

impl Dealt {
    /// Deals a batch among the migrations of its target.
    pub(crate) fn of(batch: &Batch, prior: &Prior, migrations: &[Migration]) -> Self {
        let deal = deal(batch, prior, migrations, Retry::Unasked, &BTreeSet::new());
        let mut open: BTreeSet<&str> = deal.taken.iter().map(|(name, _)| name.as_str()).collect();
        open.extend(deal.chunks.iter().flat_map(to_come));
        let queued = deal
            .chunks
            .iter()
            .filter(|chunk| matches!(chunk.fate, Fate::Start(_)) && chunk.attempts.is_empty())
            .map(|chunk| Queued {
                unit: batch.address.part(chunk.number),
                databases: chunk.databases.len(),
                behind: behind(chunk, &deal.chunks, migrations),
            });
        Self {
            databases: batch.databases.len(),
            arrived: batch
                .databases
                .iter()
                .filter(|name| !open.contains(name.as_str()))
                .count(),
            unapproved: deal
                .chunks
                .iter()
                .filter(|chunk| Opens::of(&batch.cutover.policy, chunk.number) == Opens::ByApproval)
                .map(|chunk| batch.address.part(chunk.number))
                .collect(),
            queued: queued.collect(),
        }
    }
}

/// Where the migrations of a target are listed.
pub(crate) fn migrations(target: &ArmId) -> Option<Collection> {
    target.child("migrations", "any").collection()
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

/// One migration of a target is active at a time: first those of the same batch that come before it, then whoever holds it.
fn behind(chunk: &Chunk, all: &[Chunk], migrations: &[Migration]) -> Option<String> {
    let is_to_come = |other: &Chunk| matches!(other.fate, Fate::Start(_) | Fate::Running(_));
    let before = all
        .iter()
        .rfind(|other| other.number < chunk.number && is_to_come(other));
    match before {
        Some(before) => Some(format!("#{}", before.number)),
        None => migrations
            .iter()
            .find(|migration| migration.state.ending().is_none())
            .map(|migration| format!("`{}`", migration.id.name())),
    }
}
