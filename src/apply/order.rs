//! A plan under execution: its steps by number, the key of each record, what each step makes remembered. It runs nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use pgferry_state::{Edit, RecordKey, Revision, RunId};

use super::error::ApplyError;
use super::memory::record_key;
use super::schedule::At;
use super::step::Fruit;
use crate::arm::ArmId;
use crate::plan::step::{Finds, Remember};
use crate::plan::{Gate, Op, Plan, Step, StepId};
use crate::prior::{Origin, UnitRecord};

/// A plan and the run that carries it out.
pub(super) struct Order<'p> {
    pub(super) plan: &'p Plan,
    pub(super) fingerprint: &'p str,
    pub(super) run: RunId,
    keys: Vec<RecordKey>,
    places: HashMap<StepId, At>,
}

impl<'p> Order<'p> {
    /// Names the record of every unit.
    ///
    /// # Errors
    /// When an address cannot be the key of a record.
    pub(super) fn new(plan: &'p Plan, fingerprint: &'p str, run: RunId) -> Result<Self, ApplyError> {
        let keys = plan.steps.iter().map(|step| record_key(&step.unit));
        let keys = keys.collect::<Result<_, _>>()?;
        let places = plan.steps.iter().enumerate().map(|(at, step)| (step.id, At(at)));
        Ok(Self {
            plan,
            fingerprint,
            run,
            keys,
            places: places.collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.plan.steps.len()
    }

    /// All positions, in the order of the plan.
    pub(super) fn all(&self) -> impl Iterator<Item = At> + use<> {
        (0..self.plan.steps.len()).map(At)
    }

    pub(super) fn step(&self, at: At) -> &'p Step {
        self.plan.steps.get(at.0).expect("positions come from this plan")
    }

    pub(super) fn key(&self, at: At) -> &RecordKey {
        self.keys.get(at.0).expect("there is a key for every step")
    }

    pub(super) fn place(&self, id: StepId) -> Option<At> {
        self.places.get(&id).copied()
    }

    /// The gate right before a step, for the same migration.
    pub(super) fn gate_before(&self, step: &Step, migration: &ArmId) -> Option<&'p Gate> {
        let before = step.after.keys().filter_map(|id| self.place(*id));
        before
            .filter_map(|at| match &self.step(at).op {
                Op::Gate(gate) => Some(gate),
                Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } => None,
                Op::Await(_) | Op::Cutover { .. } | Op::Note => None,
            })
            .find(|gate| gate.migration == *migration)
    }

    /// The revisions that the plan relies on, by the key of each record that a step touches.
    pub(super) fn revisions(&self) -> HashMap<RecordKey, Option<Revision>> {
        let known = |at: At| self.plan.base.records.get(&self.step(at).unit).copied();
        self.all()
            .map(|at| (self.key(at).clone(), known(at).map(Revision::new)))
            .collect()
    }
}

/// What a step that succeeded makes remembered.
pub(super) fn remembered(step: &Step, key: &RecordKey, fruit: &Fruit, now: Timestamp) -> Option<Edit> {
    let key = key.clone();
    match &step.then {
        Remember::Unchanged => None,
        Remember::Forget => Some(Edit::Remove { key }),
        Remember::Record(record) => {
            let mut record: UnitRecord = (**record).clone();
            if record.id.is_none() {
                record.id.clone_from(&fruit.id);
            }
            if let Op::Start { migration, .. } = &step.op {
                let mut attempts = record.attempts.iter_mut();
                if let Some(attempt) = attempts.find(|attempt| attempt.id == *migration) {
                    attempt.created.get_or_insert(now);
                }
            }
            let document = serde_json::to_value(&record).expect("a record has text keys only, so it is always JSON");
            Some(Edit::Put { key, document })
        }
    }
}

/// Whether a step makes an object that was not there when the plan was made.
pub(super) fn creates(step: &Step) -> bool {
    match (&step.op, &step.then) {
        (
            Op::Put {
                finds: Finds::Nothing, ..
            },
            Remember::Record(record),
        ) => record.origin == Origin::Created,
        (_, _) => false,
    }
}
