//! Changes: per unit, what happens to it and for which reason. They are shown and fingerprinted; `apply` runs the steps.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::{Address, UnitAddress};
use crate::arm::ArmId;

/// What happens to a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It already is as declared and becomes ours to look after.
    Adopt,
    /// It is made.
    Create,
    /// Some of it is changed in place.
    Update,
    /// It is deleted and made anew, because a field that cannot change is declared otherwise.
    Replace,
    /// It is deleted.
    Delete,
    /// It stays in Azure and leaves our memory.
    Forget,
    /// It stays as others made it, and is remembered so.
    Remember,
    /// A migration is moved on.
    Advance(Phase),
}

/// What a migration is moved on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Watched until it is finished or ready for its cutover.
    Watch,
    /// Its question is answered, then it is watched.
    Answer,
    /// Cut over.
    Cutover,
}

/// A unit that does not simply stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The unit.
    pub unit: UnitAddress,
    /// Its ARM id; `None` while the id hangs on something not yet created.
    pub id: Option<ArmId>,
    /// What happens to it.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The fields concerned: all declared ones for a create, the differing ones for an update, all remembered ones for a delete.
    pub fields: Vec<FieldChange>,
    /// What else a reviewer should know, in short sentences.
    pub notes: Vec<String>,
}

/// Why a unit changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Declared and not there.
    Absent,
    /// Declared otherwise than it is, and the declaration is what changed.
    Declared,
    /// Declared otherwise than it is, and somebody else changed it.
    Drifted,
    /// There, as declared, and not yet ours.
    AlreadyThere,
    /// No longer declared.
    NotDeclared,
    /// A destroy was asked for.
    Destroy,
    /// Gone from Azure without us.
    Gone,
    /// A migration still has something to do.
    Unfinished,
    /// A migration did not succeed and is tried again.
    Retry,
    /// As declared, and not well all the same: it is put again. What ails it, in words.
    Repair(String),
    /// In words, where none of the above says it.
    Because(String),
}

/// One field of a unit, before and after, named as in the language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The attribute.
    pub attribute: String,
    /// What Azure has.
    pub before: Option<Json>,
    /// What is declared.
    pub after: Option<Shown>,
    /// Whether this field forces the unit to be made anew; of a migration, another attempt.
    pub forces_replacement: bool,
}

/// A declared value as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Known.
    Value(Json),
    /// A secret.
    Sensitive,
    /// Known after apply.
    Unknown,
}

/// A difference that somebody else made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The unit.
    pub unit: UnitAddress,
    /// What differs from what we last did; empty when the unit is gone.
    pub fields: Vec<FieldChange>,
    /// Whether the unit is gone.
    pub outcome: Outcome,
}

/// What became of a drifted unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Changed.
    Changed,
    /// Deleted.
    Deleted,
}

/// How a database is lost that somebody left on a server, or that nobody knows to be there.
pub(super) fn overwritten_on(server: &str) -> String {
    format!("overwritten on {server}")
}

/// How a database is lost that an earlier generation brought.
pub(super) fn replaced_on(server: &str) -> String {
    format!("{REPLACED} {server} by a new generation")
}

/// How that begins.
const REPLACED: &str = "replaced on";

/// The same of a database that was looked for and not found: consent counts for whatever is there when its migration starts.
pub(super) fn should_it_be_there(how: &str) -> String {
    format!("{how}{SHOULD}")
}

/// How that ends.
const SHOULD: &str = ", should it be there by then";

impl Loss {
    /// Whether nothing is there that could be lost, as far as the plan has seen.
    pub fn is_only_possible(&self) -> bool {
        self.how.ends_with(SHOULD)
    }

    /// The word that accepts it in `accept_loss`.
    pub fn accepted_by(&self) -> &'static str {
        match self.how.starts_with(REPLACED) {
            true => "generation",
            false => "overwrite",
        }
    }
}

/// Something that cannot be had back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The resource that does it.
    pub address: Address,
    /// The database or server that is lost.
    pub what: String,
    /// How, in words: overwritten, migrated anew, deleted.
    pub how: String,
    /// Where the configuration consents; `None` where it does not, which refuses the plan.
    pub consent: Option<String>,
}

/// How many units each action concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Created, replaced ones too.
    pub add: usize,
    /// Updated in place.
    pub change: usize,
    /// Deleted, replaced ones too.
    pub destroy: usize,
    /// Adopted.
    pub adopt: usize,
    /// Forgotten.
    pub forget: usize,
    /// Remembered as others made them.
    pub remember: usize,
    /// Moved on.
    pub advance: usize,
}

impl Tally {
    /// Counts.
    pub fn of(changes: &[Change]) -> Self {
        let mut tally = Self::default();
        for change in changes {
            match change.action {
                Action::Adopt => tally.adopt += 1,
                Action::Create => tally.add += 1,
                Action::Update => tally.change += 1,
                Action::Replace => {
                    tally.add += 1;
                    tally.destroy += 1;
                }
                Action::Delete => tally.destroy += 1,
                Action::Forget => tally.forget += 1,
                Action::Remember => tally.remember += 1,
                Action::Advance(_) => tally.advance += 1,
            }
        }
        tally
    }
}
