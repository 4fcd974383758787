//! What a store remembers at one serial, as plain values. Never reads or writes a file, never interprets a document.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::hex;

/// How many finished runs a [`Snapshot`] carries; a store keeps the older ones too.
pub(crate) const RECENT_RUNS: usize = 200;

/// How deep a document, plan or continuation may nest. JSON readers stop at 128 levels, and the exported form needs a
/// few of its own.
pub(crate) const DEEPEST: usize = 100;

/// Whether a value nests no deeper than this.
pub(crate) fn nests_within(value: &Value, levels: usize) -> bool {
    let below = levels.checked_sub(1);
    let within = |inner| below.is_some_and(|below| nests_within(inner, below));
    match value {
        Value::Array(items) => items.iter().all(within),
        Value::Object(members) => members.values().all(within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Everything a store remembers, at one serial.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Which state this is; made once, when the state is.
    pub lineage: Lineage,
    /// How many commits the state has seen.
    pub serial: Serial,
    /// The cloud, tenant and subscription that the state belongs to; `None` until the first [`Edit::Bind`](crate::Edit::Bind).
    pub binding: Option<Binding>,
    /// The remembered documents.
    pub records: BTreeMap<RecordKey, Record>,
    /// The run that was begun and not ended, whether its process still lives or not.
    pub run: Option<OpenRun>,
    /// The most recent finished runs, at most 200, newest last.
    pub history: Vec<HistoryEntry>,
    pub(crate) fingerprint_key: FingerprintKey,
}

impl Snapshot {
    /// Whether its history may lack runs that the store knows: a snapshot carries the latest ones only.
    pub fn may_lack_history(&self) -> bool {
        self.history.len() >= RECENT_RUNS
    }

    /// A state that remembers nothing yet, with a lineage and a fingerprint key of its own.
    pub fn fresh() -> Self {
        Self {
            lineage: Lineage::random(),
            serial: Serial::ZERO,
            binding: None,
            records: BTreeMap::new(),
            run: None,
            history: Vec::new(),
            fingerprint_key: FingerprintKey::random(),
        }
    }

    /// The key for keyed fingerprints of secrets; it stays the same for the whole life of the lineage.
    pub fn fingerprint_key(&self) -> &[u8] {
        &self.fingerprint_key.0
    }
}

/// One remembered document.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The commit that wrote it last.
    pub revision: Revision,
    /// What was written; its meaning belongs to the writer.
    pub document: Value,
}

/// What a lineage belongs to; a state of one cloud, tenant or subscription is never applied to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// The cloud's name, as the configuration writes it.
    pub cloud: String,
    /// The Microsoft Entra tenant.
    pub tenant: String,
    /// The default subscription.
    pub subscription: String,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cloud,
            tenant,
            subscription,
        } = self;
        write!(f, "cloud {cloud}, tenant {tenant}, subscription {subscription}")
    }
}

/// A run between its begin and its end.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRun {
    /// The run's name.
    pub id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// Who began it.
    pub by: Actor,
    /// The approved plan, free of secrets.
    pub plan: Value,
    /// The fingerprint under which the plan was approved.
    pub plan_fingerprint: String,
    /// On what word the plan is carried out, where that is known.
    pub approval: Option<Approval>,
    /// How far each step came; a step that is not here was not touched.
    pub steps: BTreeMap<StepId, StepJournal>,
}

impl OpenRun {
    /// The steps of which nobody knows what became of their last call.
    pub fn in_doubt(&self) -> impl Iterator<Item = (StepId, &StepJournal)> {
        self.steps
            .iter()
            .filter(|(_, entry)| entry.is_in_doubt())
            .map(|(id, entry)| (*id, entry))
    }

    /// The steps that ended, well or badly.
    pub fn over(&self) -> impl Iterator<Item = StepId> {
        let over = self.steps.iter().filter(|(_, entry)| !entry.is_in_doubt());
        over.map(|(id, _)| *id)
    }
}

impl StepJournal {
    /// Whether nobody knows what became of its last call.
    pub fn is_in_doubt(&self) -> bool {
        match self.phase {
            StepPhase::Intended { .. } | StepPhase::Accepted { .. } => true,
            StepPhase::Done | StepPhase::Failed { .. } => false,
        }
    }
}

/// How far one step of the open run came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepJournal {
    /// The number of the last attempt; 0 for a step that settled without a call.
    pub attempts: u32,
    /// Where that attempt stands.
    pub phase: StepPhase,
}

/// Where an attempt of a step stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case", deny_unknown_fields)]
pub enum StepPhase {
    /// About to be sent; whether it was is unknown.
    Intended {
        /// The unit that is acted upon.
        unit: String,
        /// The verb.
        method: String,
        /// A hash of the body to be sent.
        body_hash: String,
    },
    /// The service took it on.
    Accepted {
        /// The unit that is acted upon.
        unit: String,
        /// What it takes to ask for the outcome again; opaque.
        operation: Value,
    },
    /// It ended well.
    Done,
    /// It ended badly.
    Failed {
        /// What went wrong, for people.
        message: String,
    },
}

/// A finished run: one line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// The run's name.
    pub run: RunId,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Who began it.
    pub by: Actor,
    /// The fingerprint under which its plan was approved.
    pub plan_fingerprint: String,
    /// On what word its plan was carried out, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// What it did, in a sentence for people.
    pub summary: String,
    /// What else is known of its end.
    #[serde(default, skip_serializing_if = "Account::is_empty")]
    pub account: Account,
}

impl HistoryEntry {
    /// Whether it makes the line right before it needless: the same run was left, and now is left again.
    pub(crate) fn replaces(&self, before: &Self) -> bool {
        let both_left = (self.outcome, before.outcome) == (RunOutcome::Left, RunOutcome::Left);
        both_left && self.run == before.run
    }
}

/// On what word a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// Whoever ran the command was shown the plan, and agreed.
    Asked,
    /// Nobody was asked: the command said that it need not be.
    #[serde(rename = "auto_approve")]
    Unasked,
    /// A fingerprint that was approved before.
    Fingerprint,
    /// A plan that was kept in a file.
    PlanFile,
}

/// What is known of the end of a run beside its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who ended it, or left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Actor>,
    /// The exit code that it comes to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// What failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<UnitFailure>,
}

/// What failed of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFailure {
    /// The unit.
    pub unit: String,
    /// The code of the service's error, or what kind of failure it was.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
}

impl Account {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step was done.
    Succeeded,
    /// Some step failed, or was skipped because one did.
    Failed,
    /// It left in good order while something went on or waited for a person, and a later run went on from there, or a later
    /// command found that nothing of it was wanted any more.
    Continued,
    /// It was given up before all its steps were tried.
    Abandoned,
    /// Its process left in good order, while something went on or waited for a person. The run stays open, and how it ends is
    /// told by another line.
    Left,
}

/// The key of keyed fingerprints: 32 random bytes made with the lineage, never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct FingerprintKey(pub(crate) [u8; 32]);

impl FingerprintKey {
    pub(crate) fn random() -> Self {
        // A v4 UUID holds 122 random bits, so three of them carry more than the hash can hold.
        let mut hash = Sha256::new();
        for _ in 0..3 {
            hash.update(Uuid::new_v4().as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl Serialize for FingerprintKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for FingerprintKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a fingerprint key is 64 hexadecimal digits"))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(hidden)")
    }
}

/// A text that is not a name of the wanted sort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct InvalidName {
    text: String,
    wanted: &'static str,
}

macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, different from all others.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidName { text: text.to_owned(), wanted: $wanted })
            }
        }
    };
}

uuid_name! {
    /// The identity of a state, from its first commit to its last, wherever it is kept.
    Lineage, "a lineage (a UUID)"
}
uuid_name! {
    /// The identity of one run.
    RunId, "a run (a UUID)"
}

impl From<Uuid> for RunId {
    fn from(name: Uuid) -> Self {
        Self(name)
    }
}

macro_rules! number_name {
    ($(#[$doc:meta])* $name:ident($number:ty), $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($number);

        impl $name {
            /// The one with this number.
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            /// Its number.
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.parse().map(Self).map_err(|_| InvalidName { text: text.to_owned(), wanted: $wanted })
            }
        }
    };
}

number_name! {
    /// The number of a commit in its lineage; 0 is the state before the first one.
    Serial(u64), "a serial (a number)"
}
number_name! {
    /// Which commit wrote a record last. It only grows, also over a removal: a record made anew never repeats one.
    Revision(u64), "a revision (a number)"
}
number_name! {
    /// The number of a step in the plan of its run.
    StepId(u32), "a step (a number)"
}

impl Serial {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl From<Serial> for Revision {
    /// What a commit with this serial writes gets this revision.
    fn from(serial: Serial) -> Self {
        Self(serial.0)
    }
}

/// Under which name a document is remembered; opaque here. At least one byte, at most [`RecordKey::LIMIT`], no control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordKey(Arc<str>);

impl RecordKey {
    /// The longest key, in bytes.
    pub const LIMIT: usize = 1024;

    /// The key as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RecordKey {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() || text.len() > Self::LIMIT || text.chars().any(char::is_control) {
            let wanted = "a record key (1 to 1024 bytes without control characters)";
            return Err(InvalidName {
                text: text.to_owned(),
                wanted,
            });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for RecordKey {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RecordKey> for String {
    fn from(key: RecordKey) -> Self {
        key.as_str().to_owned()
    }
}

/// Who acts, as `user@host` or as a pipeline names itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(String);

impl Actor {
    /// An actor of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_key_is_random_and_never_printed() {
        let (one, other) = (Snapshot::fresh(), Snapshot::fresh());
        assert_ne!(one.fingerprint_key(), other.fingerprint_key());
        let shown = format!("{one:?}");
        assert!(shown.contains("FingerprintKey(hidden)"), "{shown}");
        let bytes = format!("{:?}", one.fingerprint_key());
        assert!(!shown.contains(&bytes), "{shown}");
    }

    #[test]
    fn a_record_key_refuses_what_could_not_be_kept_or_shown() {
        assert_eq!(
            r#"batch.w["a b"]#1"#.parse::<RecordKey>().unwrap().as_str(),
            r#"batch.w["a b"]#1"#
        );
        for refused in ["", "a\nb", &"x".repeat(RecordKey::LIMIT + 1)] {
            assert!(refused.parse::<RecordKey>().is_err(), "{refused:?}");
        }
        assert!(serde_json::from_str::<RecordKey>(r#""""#).is_err());
    }
}
