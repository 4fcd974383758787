//! How many tables each database was ever seen to have. A counter of the service may forget tables after a restart; a gate
//! that only asks whether something is left to copy would open on half a database.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::arm::ArmId;
use crate::arm::migration::Migration;

/// The largest number of tables seen, by migration and database.
#[derive(Debug, Default)]
pub struct TablesSeen(Mutex<HashMap<ArmId, BTreeMap<String, u64>>>);

impl TablesSeen {
    /// Takes in what an answer of Azure says.
    pub fn note(&self, migration: &Migration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.entry(migration.id.clone()).or_default();
        for (database, progress) in &migration.progress {
            if let Some(tables) = progress.tables.total() {
                let most = seen.entry(database.clone()).or_default();
                *most = tables.max(*most);
            }
        }
    }

    /// The most tables of a database; zero for one that was never told of.
    pub fn of(&self, migration: &ArmId, database: &str) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = all.get(migration).and_then(|seen| seen.get(database));
        seen.copied().unwrap_or_default()
    }
}
