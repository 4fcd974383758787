//! What a look at Azure found, by ARM id. Pure memory: it never looks itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::arm::migration::Migration;
use crate::arm::{ArmId, Collection};

/// Whether an object is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// Proven not to be there.
    Absent,
    /// There, as answered.
    Present(Arc<Json>),
    /// Nobody could say; why. Nothing is created on the strength of that.
    Unreadable(Hidden),
}

/// Why nobody could say whether something is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// The service refused the look, in these words.
    Refused(String),
    /// A snapshot was looked at in place of Azure, and says nothing of it.
    NotInSnapshot,
    /// Nobody looked.
    NotLookedAt,
}

impl Hidden {
    /// What lets it be seen, given what a refused identity lacks.
    pub fn way_out(&self, lacking: &str) -> String {
        match self {
            Self::Refused(_) | Self::NotLookedAt => format!("give the identity {lacking}"),
            Self::NotInSnapshot => {
                "take the snapshot anew with `pgferry snapshot`, or give --snapshot-complete if nothing \
                                    exists but what it holds"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => f.write_str(reason),
            Self::NotInSnapshot => f.write_str("the snapshot does not say whether it is there"),
            Self::NotLookedAt => f.write_str("it was not looked at"),
        }
    }
}

/// All that a look found.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    objects: HashMap<ArmId, Presence>,
    migrations: BTreeMap<ArmId, Arc<Vec<Migration>>>,
    unreadable_migrations: BTreeMap<ArmId, Hidden>,
    collections: BTreeMap<Collection, Vec<ArmId>>,
    databases: BTreeMap<ArmId, BTreeSet<String>>,
}

impl Observed {
    /// Notes what was found of one object.
    pub fn insert(&mut self, id: ArmId, presence: Presence) {
        self.objects.insert(id, presence);
    }

    /// Notes the migrations of a target, of whatever state.
    pub fn insert_migrations(&mut self, target: ArmId, migrations: Vec<Migration>) {
        self.migrations.insert(target, Arc::new(migrations));
    }

    /// Notes that nobody could say which migrations a target has, and why.
    pub fn insert_unreadable_migrations(&mut self, target: ArmId, reason: Hidden) {
        self.unreadable_migrations.insert(target, reason);
    }

    /// Notes that a collection was read whole, with its members.
    pub fn insert_collection(&mut self, collection: Collection, members: Vec<ArmId>) {
        self.collections.insert(collection, members);
    }

    /// The members of a collection that was read whole.
    pub fn members(&self, collection: &Collection) -> impl Iterator<Item = &ArmId> {
        self.collections.get(collection).into_iter().flatten()
    }

    /// What was found of an object; `None` when nobody looked.
    pub fn get(&self, id: &ArmId) -> Option<&Presence> {
        self.objects.get(id)
    }

    /// The same, to take parts of it out.
    pub fn get_mut(&mut self, id: &ArmId) -> Option<&mut Presence> {
        self.objects.get_mut(id)
    }

    /// The object, where it is there.
    pub fn object(&self, id: &ArmId) -> Option<&Json> {
        match self.objects.get(id)? {
            Presence::Present(json) => Some(json),
            Presence::Absent | Presence::Unreadable(_) => None,
        }
    }

    /// The migrations of a target; empty when it has none or nobody looked.
    pub fn migrations(&self, target: &ArmId) -> &[Migration] {
        self.migrations.get(target).map_or(&[], |found| found)
    }

    /// Why the migrations of a target could not be read; `None` where they were, or where nobody looked.
    pub fn why_migrations_unreadable(&self, target: &ArmId) -> Option<&Hidden> {
        self.unreadable_migrations.get(target)
    }

    /// Whether the migrations of a target were asked for.
    pub fn knows_migrations(&self, target: &ArmId) -> bool {
        self.migrations.contains_key(target) || self.unreadable_migrations.contains_key(target)
    }

    /// Notes the databases that are on a target.
    pub fn insert_databases(&mut self, target: ArmId, names: BTreeSet<String>) {
        self.databases.insert(target, names);
    }

    /// The databases that are on a target; `None` where nobody looked, or could.
    pub fn databases(&self, target: &ArmId) -> Option<&BTreeSet<String>> {
        self.databases.get(target)
    }

    /// Every object that was looked at.
    pub fn iter(&self) -> impl Iterator<Item = (&ArmId, &Presence)> {
        self.objects.iter()
    }

    /// Every target whose migrations were read, with them.
    pub fn all_migrations(&self) -> impl Iterator<Item = (&ArmId, &[Migration])> {
        self.migrations.iter().map(|(target, found)| (target, found.as_slice()))
    }

    /// Takes over what a later look found.
    pub fn absorb(&mut self, later: Observed) {
        self.objects.extend(later.objects);
        self.migrations.extend(later.migrations);
        self.unreadable_migrations.extend(later.unreadable_migrations);
        self.collections.extend(later.collections);
        self.databases.extend(later.databases);
    }
}
