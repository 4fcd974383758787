//! Steps: the nodes of the action graph, each an operation with nothing left to decide. A step can be stored and run by
//! a later process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::address::UnitAddress;
use crate::arm::{ArmId, Body, Draft, Query, Stage};
use crate::kind::database_batch::{Approval, CutoverPolicy};
use crate::kind::{self, BodyField, Compare, Dead, OnChange, Thing, is_nothing, member};
use crate::lang::Residual;
use crate::prior::UnitRecord;
use crate::window::Window;

/// The number of a step within its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// The id of an ARM object, known now or once other steps are done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepTarget {
    /// Known.
    Known(ArmId),
    /// Known after the resources it hangs on.
    Open(Residual),
}

/// One operation, and what it waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// The unit it works on.
    pub unit: UnitAddress,
    /// What it does.
    pub op: Op,
    /// Steps that must have succeeded, each with the reason of the edge. If one failed or was skipped, this one is skipped.
    pub after: BTreeMap<StepId, String>,
    /// Steps that must be over, however they ended: the queue of a target, source or runtime server.
    pub behind: BTreeSet<StepId>,
    /// Objects that only one mutating step may work on at a time (contract 12).
    pub scopes: BTreeSet<ArmId>,
    /// How long the step may take before it counts as failed. Migrations have none of their own.
    pub patience: Option<Duration>,
    /// What is remembered once the step succeeded.
    pub then: Remember,
}

/// What the state holds of the unit after the step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remember {
    /// As before.
    Unchanged,
    /// This record.
    Record(Box<UnitRecord>),
    /// Nothing any more.
    Forget,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Create or replace an object. Safe to repeat.
    Put {
        /// The object.
        target: StepTarget,
        /// What it shall be.
        body: Body<Draft>,
        /// Attributes that later steps hang on: name in the language, and where the answer has them.
        brings: BTreeMap<String, Vec<String>>,
        /// What the call's query says beside the api-version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<Query>,
        /// What has to be there before.
        finds: Finds,
    },
    /// Start a migration: never repeated blindly. Afterwards it exists and is running, or the step failed.
    Start {
        /// The migration.
        migration: ArmId,
        /// Its create body.
        body: Body<Draft>,
        /// Databases that it writes on the target; none where it only validates.
        writes: Vec<String>,
        /// Tags of its body by which it is told from every other migration.
        tags: BTreeMap<String, String>,
        /// Databases of these that may exist on the target already: overwritten by consent, or left by an own attempt.
        may_exist: BTreeSet<String>,
        /// When it may be sent; at any time where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<Window>,
    },
    /// Delete an object; absent is as good as deleted.
    Delete {
        /// The object.
        target: StepTarget,
        /// What has to be there before, if anything is.
        finds: Finds,
    },
    /// Watch a migration until it is where it should be, answering what the configuration answers.
    Await(Await),
    /// Hold until the gate's conditions are met.
    Gate(Gate),
    /// Cut a migration over.
    Cutover {
        /// The migration.
        migration: ArmId,
        /// All of its databases.
        databases: Vec<String>,
    },
    /// Only change what is remembered.
    Note,
}

/// What a call has to find of its object. Between a plan and a call pass hours, and others work on Azure, too: where it is
/// otherwise, the call is not made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finds {
    /// Nothing: it is created.
    Nothing,
    /// The object with these members, as they were when the plan was made.
    Members(Vec<Member>),
    /// Whatever is there.
    Anything,
}

/// A member of an object, as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The way to it.
    pub path: Vec<String>,
    /// What was there; null for nothing.
    pub value: Json,
    /// How it compares.
    pub compare: Compare,
}

impl Finds {
    /// The object as it was seen: what it is compared by, and what an update keeps of it.
    pub fn seen(thing: &Thing, object: &Json) -> Self {
        let preserved = thing.preserve.iter().map(|path| (*path, Compare::Exact));
        let is_preserved = |field: &&BodyField| thing.preserve.contains(&field.path);
        let compared = thing.fields.iter().filter(|field| !is_preserved(field));
        let compared = compared.filter(|field| field.change != OnChange::CreateOnly);
        let members = compared.map(|field| (field.path, field.compare)).chain(preserved);
        let members = members.map(|(path, compare)| Member {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            value: member(object, path).cloned().unwrap_or_default(),
            compare,
        });
        Self::Members(members.collect())
    }
}

impl Finds {
    /// The same, and that what makes the object beyond repair still holds: somebody may have mended it.
    pub fn and_still(mut self, dead: Option<Dead>) -> Self {
        if let (Self::Members(members), Some(dead)) = (&mut self, dead) {
            members.push(Member {
                path: dead.path.iter().map(|key| (*key).to_owned()).collect(),
                value: Json::from(dead.value),
                compare: Compare::Exact,
            });
        }
        self
    }
}

impl Member {
    /// Whether an object still has it as it was seen.
    pub fn still_holds(&self, object: &Json) -> bool {
        self.is_in(object, &self.value)
    }

    /// Whether an object has it as a body says that was sent. What others add to it does not count.
    pub fn is_as_sent(&self, object: &Json, sent: &Json) -> bool {
        let value = member(sent, &self.way()).unwrap_or(&Json::Null);
        let now = member(object, &self.way()).unwrap_or(&Json::Null);
        self.is_in(object, value) || (value.is_object() && Compare::Tags.same(value, now))
    }

    fn is_in(&self, object: &Json, value: &Json) -> bool {
        let now = member(object, &self.way()).unwrap_or(&Json::Null);
        (is_nothing(now) && is_nothing(value)) || self.compare.same(value, now)
    }

    fn way(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// Whether an object is as a body says that was sent for this unit, by all that its kind compares. Secrets and what was not
/// known cannot be compared; of a kind that nobody knows nothing is.
pub fn is_as_sent<S: Stage>(unit: &UnitAddress, body: &Body<S>, object: &Json) -> bool {
    let kind = kind::find(unit.resource.kind().as_str());
    kind.and_then(|kind| kind.conduct().thing()).is_some_and(|thing| {
        thing.fields.iter().all(|field| {
            let Some(value) = body.get(field.path).and_then(Body::known) else {
                return true;
            };
            let sent = Member {
                path: field.path.iter().map(|key| (*key).to_owned()).collect(),
                value,
                compare: field.compare,
            };
            sent.still_holds(object)
        })
    })
}

/// What to watch a migration for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Await {
    /// The migration.
    pub migration: ArmId,
    /// When watching ends well.
    pub until: Until,
    /// What becomes of a question of the service, by the substate it asks in. Any other is left to a person without a word.
    pub questions: BTreeMap<String, Response>,
    /// No counter moved for so long: warn.
    pub stall_after: Duration,
    /// Its databases.
    pub databases: Vec<String>,
}

/// When watching ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Online: ready for its cutover, or already past it.
    ReadyForCutover,
    /// Succeeded.
    Succeeded,
    /// Over, however it ended: somebody else's migration that holds the target's one active place.
    Ended,
}

/// What becomes of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is answered from the configuration.
    Answer(Answer),
    /// It is left to a person.
    Person(Why),
}

/// Why a person has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody said that logical replication may be switched on at the source, which restarts it.
    Replication,
    /// Nobody accepted that databases on the target are overwritten.
    Overwrite,
    /// The configuration has an answer that costs something, and nobody has been shown it.
    NotShown,
}

/// What to send when the service asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The attribute that gives the answer.
    pub from: String,
    /// The body of the PATCH.
    pub body: Body<Draft>,
}

/// The conditions before a cutover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The migration.
    pub migration: ArmId,
    /// Its databases: each must be known to be ready.
    pub databases: Vec<String>,
    /// The largest lag allowed, of every database.
    pub max_lag: Duration,
    /// In how many samples in a row.
    pub samples: u32,
    /// Whether the gate opens by itself or a person does.
    pub opens: Opens,
    /// When it opens; at any time where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Who opens the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// `policy = "automatic"`, or approved in the configuration.
    ByItself,
    /// `policy = "manual"`: `pgferry cutover`.
    ByHand,
    /// `policy = "approved"`, and `approved` does not hold the migration's number yet. `pgferry cutover` opens it, too.
    ByApproval,
}

impl Opens {
    /// Who opens the gate of a batch's migration of this number.
    pub fn of(policy: &CutoverPolicy, number: u32) -> Self {
        match policy {
            CutoverPolicy::Automatic | CutoverPolicy::Approved(Approval::Only) => Self::ByItself,
            CutoverPolicy::Approved(Approval::Numbers(numbers)) if numbers.contains(&number) => Self::ByItself,
            CutoverPolicy::Approved(Approval::Numbers(_)) => Self::ByApproval,
            CutoverPolicy::Manual => Self::ByHand,
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
