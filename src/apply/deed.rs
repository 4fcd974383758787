//! Acting steps with everything known but secrets: bodies settled, ids found, what must hold before the call. Pure.

use std::collections::{BTreeMap, BTreeSet};

use pgferry_state::Lineage;
use serde_json::Value as Json;

use super::error::StepError;
use super::journal::BodyHash;
use super::observer::Held;
use crate::arm::migration::Migration;
use crate::arm::{ArmId, Body, Outputs, Query, Sealed};
use crate::plan::batch::TAG_LINEAGE;
use crate::plan::step::{Finds, StepTarget};
use crate::plan::{Answer, Gate, Op, Step};
use crate::window::Window;

/// An acting step with nothing left open. Its secrets are filled in for each try of its call, and dropped after it.
#[derive(Debug)]
pub(super) enum Deed<'p> {
    Put {
        id: ArmId,
        body: Body<Sealed>,
        hash: BodyHash,
        brings: &'p BTreeMap<String, Vec<String>>,
        query: Option<Query>,
        finds: &'p Finds,
    },
    Start {
        id: ArmId,
        body: Body<Sealed>,
        hash: BodyHash,
        start: Start<'p>,
        window: Option<&'p Window>,
    },
    Delete {
        id: ArmId,
        finds: &'p Finds,
    },
    Cutover {
        id: ArmId,
        databases: &'p [String],
        gate: Option<&'p Gate>,
        /// Whether the gate was seen open right before: then one more good reading is enough.
        seen_open: bool,
    },
    Answer {
        id: ArmId,
        body: Body<Sealed>,
        hash: BodyHash,
    },
    Cancel {
        id: ArmId,
        /// As it was when somebody agreed to lose what it has brought.
        shown: &'p Migration,
    },
}

/// What a start checks before it sends.
#[derive(Debug)]
pub(super) struct Start<'p> {
    pub(super) writes: &'p [String],
    pub(super) may_exist: &'p BTreeSet<String>,
    pub(super) tags: &'p BTreeMap<String, String>,
}

impl<'p> Deed<'p> {
    /// When it may be done, and what that is, where it is limited.
    pub(super) fn window(&self) -> Option<(Held, &'p Window)> {
        match self {
            Self::Start { window, .. } => Some((Held::Start, (*window)?)),
            Self::Cutover { gate, .. } => Some((Held::Cutover, gate.as_ref()?.window.as_ref()?)),
            Self::Put { .. } | Self::Delete { .. } | Self::Answer { .. } | Self::Cancel { .. } => None,
        }
    }

    /// Fills in what has become known.
    ///
    /// # Errors
    /// When something that the step hangs on is not there.
    pub(super) fn of(step: &'p Step, outputs: &Outputs) -> Result<Option<Self>, StepError> {
        Ok(Some(match &step.op {
            Op::Put {
                target,
                body,
                brings,
                query,
                finds,
            } => Self::Put {
                id: settle(target, outputs)?,
                hash: BodyHash::of(body),
                body: body.settle(outputs)?,
                brings,
                query: *query,
                finds,
            },
            Op::Start {
                migration,
                body,
                writes,
                tags,
                may_exist,
                window,
            } => Self::Start {
                id: migration.clone(),
                hash: BodyHash::of(body),
                start: Start {
                    writes,
                    may_exist,
                    tags,
                },
                body: body.settle(outputs)?,
                window: window.as_ref(),
            },
            Op::Delete { target, finds } => Self::Delete {
                id: settle(target, outputs)?,
                finds,
            },
            Op::Cutover { migration, databases } => Self::Cutover {
                id: migration.clone(),
                databases,
                gate: None,
                seen_open: true,
            },
            Op::Await(_) | Op::Gate(_) | Op::Note => return Ok(None),
        }))
    }

    /// The answer to a question of a migration.
    ///
    /// # Errors
    /// When something that the answer hangs on is not there.
    pub(super) fn answer(migration: &ArmId, answer: &Answer, outputs: &Outputs) -> Result<Self, StepError> {
        Ok(Self::Answer {
            id: migration.clone(),
            hash: BodyHash::of(&answer.body),
            body: answer.body.settle(outputs)?,
        })
    }
}

/// The id of a step's object.
pub(super) fn settle(target: &StepTarget, outputs: &Outputs) -> Result<ArmId, StepError> {
    match target {
        StepTarget::Known(id) => Ok(id.clone()),
        StepTarget::Open(residual) => {
            let told = outputs.settle(residual)?;
            let text = told.as_str().unwrap_or_default();
            text.parse().map_err(StepError::NoId)
        }
    }
}

/// What an object that was put has to say about attributes that others hang on.
pub(super) fn brought<'a>(
    brings: &'a BTreeMap<String, Vec<String>>,
    object: &'a Json,
) -> impl Iterator<Item = (&'a str, Json)> {
    brings.iter().filter_map(move |(attribute, path)| {
        let found = path.iter().try_fold(object, |at, key| at.get(key))?;
        (!found.is_null()).then(|| (attribute.as_str(), found.clone()))
    })
}

impl Start<'_> {
    /// Whether it writes to the target, so that what is there could be lost.
    pub(super) fn writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Databases of the list that are on the target and that the plan does not expect there.
    pub(super) fn unexpected(&self, there: &[Json]) -> Vec<String> {
        let there: BTreeSet<&str> = there
            .iter()
            .filter_map(|database| database.get("name")?.as_str())
            .collect();
        let unexpected = self
            .writes
            .iter()
            .filter(|name| there.contains(name.as_str()) && !self.may_exist.contains(*name));
        unexpected.cloned().collect()
    }

    /// Whether a migration that is there is the one that was to be started: by its tags, since names say nothing.
    pub(super) fn made(&self, id: &ArmId, object: &Json, lineage: Lineage) -> bool {
        let migration = Migration::read(id.clone(), object);
        let has = |key: &str, value: &str| {
            let mut tags = migration.tags.iter();
            tags.any(|(known, other)| known.eq_ignore_ascii_case(key) && other == value)
        };
        has(TAG_LINEAGE, &lineage.to_string()) && self.tags.iter().all(|(key, value)| has(key, value))
    }
}
