//! What we remember of each unit: stored documents, parsed once into types. It never opens a store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::address::pattern::Renaming;
use crate::address::{Address, AddressError, UnitAddress};
use crate::arm::ArmId;

/// How a record came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// We made it: leaving the configuration deletes it.
    Created,
    /// It already was as declared: leaving the configuration forgets it.
    Adopted,
    /// Taken over on request: deleted only with `delete_imported`.
    Imported,
}

/// What is remembered of one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// The version of this form.
    pub format: u32,
    /// The ARM object; `None` in a plan while the id hangs on something not yet created.
    pub id: Option<ArmId>,
    /// How it came to be ours.
    pub origin: Origin,
    /// The declared fields as we last made them, by attribute; secrets are not among them.
    pub fields: BTreeMap<String, Json>,
    /// Units that had to be there first; they outlive this one on the way down.
    pub needs: Vec<UnitAddress>,
    /// Objects that a writer of this unit locks.
    pub scopes: Vec<ArmId>,
    /// Objects that it makes work; for a migration, everything on its way. What a running migration needs is protected.
    pub touches: Vec<ArmId>,
    /// For a migration: its attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// One run of one migration. A failed or cancelled run is never reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The migration.
    pub id: ArmId,
    /// Its databases; they never change once it was created.
    pub databases: Vec<String>,
    /// The batch's generation.
    pub generation: u32,
    /// When it was created, by the clock of its cloud.
    pub created: Option<Timestamp>,
}

/// What is remembered of all units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prior {
    units: BTreeMap<UnitAddress, Remembered>,
    outputs: BTreeMap<String, Json>,
    lineage: Option<String>,
}

/// A record and its revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// The revision the store gave it.
    pub revision: u64,
    /// The record.
    pub record: UnitRecord,
}

/// Memory under new names.
#[derive(Clone, Debug)]
pub struct Renamed {
    /// The memory.
    pub prior: Prior,
    /// What got another name: by the new one, the old one.
    pub moves: BTreeMap<UnitAddress, UnitAddress>,
    /// What should get a name that another record has: the old name and the wanted one.
    pub blocked: Vec<(UnitAddress, UnitAddress)>,
}

/// Why memory cannot be read.
#[derive(Debug, Error)]
pub enum PriorError {
    /// A key is no unit address.
    #[error("the record key `{key}` names no unit")]
    Key {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: AddressError,
    },
    /// A document is not a record of ours.
    #[error("the record of `{key}` cannot be read")]
    Document {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A record of a newer form.
    #[error(
        "the record of `{key}` has form {found}; this program knows form {}",
        UnitRecord::FORMAT
    )]
    Newer {
        /// The key.
        key: String,
        /// Its form.
        found: u64,
    },
}

/// Records whose key starts so are not units: they hold an output value.
pub const OUTPUT_PREFIX: &str = "output.";

impl UnitRecord {
    /// The version written by this program.
    pub const FORMAT: u32 = 1;
}

impl Prior {
    /// Parses the records of a store: each with its key, its revision and its document.
    ///
    /// # Errors
    /// When a record is not one of ours, or of a newer form.
    pub fn parse<'a>(
        lineage: Option<String>,
        records: impl IntoIterator<Item = (&'a str, u64, &'a Json)>,
    ) -> Result<Self, PriorError> {
        let mut prior = Self {
            lineage,
            ..Self::default()
        };
        for (key, revision, document) in records {
            if let Some(name) = key.strip_prefix(OUTPUT_PREFIX) {
                prior.outputs.insert(name.to_owned(), document.clone());
                continue;
            }
            let unit: UnitAddress = key.parse().map_err(|source| PriorError::Key {
                key: key.to_owned(),
                source,
            })?;
            prior.units.insert(
                unit,
                Remembered {
                    revision,
                    record: read(key, document)?,
                },
            );
        }
        Ok(prior)
    }

    /// What is remembered of a unit.
    pub fn get(&self, unit: &UnitAddress) -> Option<&Remembered> {
        self.units.get(unit)
    }

    /// The units of one resource.
    pub fn of<'a>(&'a self, resource: &'a Address) -> impl Iterator<Item = (&'a UnitAddress, &'a Remembered)> {
        self.units
            .range(resource.unit()..)
            .take_while(move |(unit, _)| unit.resource == *resource)
    }

    /// All units, in address order.
    pub fn iter(&self) -> impl Iterator<Item = (&UnitAddress, &Remembered)> {
        self.units.iter()
    }

    /// The same memory under the names that things have now, with what got another one. A name that is taken is not given away:
    /// its record stays where it is, and what has to go stays under its old name.
    pub fn renamed(self, renamings: &[Renaming]) -> Renamed {
        let mut prior = self;
        let mut renamed = Renamed {
            prior: Self::default(),
            moves: BTreeMap::new(),
            blocked: Vec::new(),
        };
        if renamings.is_empty() {
            renamed.prior = prior;
            return renamed;
        }
        let now = |unit: &UnitAddress| {
            let mut resource = unit.resource.clone();
            // A chain is no longer than there are moves; circles were refused.
            for _ in renamings {
                match renamings.iter().find_map(|renaming| renaming.apply(&resource)) {
                    Some(next) => resource = next,
                    None => break,
                }
            }
            UnitAddress {
                resource,
                part: unit.part.clone(),
            }
        };
        let moving: Vec<(UnitAddress, UnitAddress)> = prior
            .units
            .keys()
            .map(|unit| (unit.clone(), now(unit)))
            .filter(|(from, to)| from != to)
            .collect();
        let leaving: BTreeSet<&UnitAddress> = moving.iter().map(|(from, _)| from).collect();
        for (from, to) in &moving {
            let is_taken = prior.units.contains_key(to) && !leaving.contains(to) || renamed.moves.contains_key(to);
            if is_taken {
                renamed.blocked.push((from.clone(), to.clone()));
                continue;
            }
            renamed.moves.insert(to.clone(), from.clone());
        }
        let taken_out: Vec<(UnitAddress, Option<Remembered>)> = renamed
            .moves
            .iter()
            .map(|(to, from)| (to.clone(), prior.units.remove(from)))
            .collect();
        for (to, remembered) in taken_out {
            prior.units.extend(remembered.map(|remembered| (to, remembered)));
        }
        for remembered in prior.units.values_mut() {
            for need in &mut remembered.record.needs {
                *need = now(need);
            }
        }
        renamed.prior = prior;
        renamed
    }

    /// Gives records other names, all at once.
    pub fn permute(&mut self, steps: &[(UnitAddress, UnitAddress)]) {
        let taken: Vec<(UnitAddress, Option<Remembered>)> = steps
            .iter()
            .map(|(from, to)| (to.clone(), self.units.remove(from)))
            .collect();
        for (to, remembered) in taken {
            self.units.extend(remembered.map(|remembered| (to, remembered)));
        }
        let now: BTreeMap<&UnitAddress, &UnitAddress> = steps.iter().map(|(from, to)| (from, to)).collect();
        for remembered in self.units.values_mut() {
            for need in &mut remembered.record.needs {
                if let Some(to) = now.get(need) {
                    *need = (*to).clone();
                }
            }
        }
    }

    /// Output values as last kept.
    pub fn outputs(&self) -> &BTreeMap<String, Json> {
        &self.outputs
    }

    /// The lineage; `None` while there is no state.
    pub fn lineage(&self) -> Option<&str> {
        self.lineage.as_deref()
    }

    /// Remembers a unit; for tests and for what was read from Azure itself.
    pub fn insert(&mut self, unit: UnitAddress, remembered: Remembered) {
        self.units.insert(unit, remembered);
    }
}

fn read(key: &str, document: &Json) -> Result<UnitRecord, PriorError> {
    let found = document.get("format").and_then(Json::as_u64).unwrap_or_default();
    if found > u64::from(UnitRecord::FORMAT) {
        return Err(PriorError::Newer {
            key: key.to_owned(),
            found,
        });
    }
    UnitRecord::deserialize(document).map_err(|source| PriorError::Document {
        key: key.to_owned(),
        source,
    })
}
