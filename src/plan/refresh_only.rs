//! What others changed, taken into memory: the plan of `--refresh-only`. Nothing in Azure changes by it, and nothing that
//! is remembered of migrations: what became of them is theirs to tell. Pure.

use super::Inputs;
use super::action::{Action, Change, Drift, FieldChange, Outcome, Reason, Shown};
use super::diff::{Subject, drifted};
use super::step::{Op, Remember};
use super::work::{Direction, Operation, Work, Works};
use crate::address::UnitAddress;
use crate::observed::Presence;
use crate::prior::Remembered;

/// Everything that is remembered otherwise than it is.
pub(super) fn works(inputs: &Inputs<'_>) -> Works {
    let mut works = Works::default();
    for (unit, remembered) in inputs.prior.iter() {
        let drift = match remembered.record.attempts.is_empty() {
            true => drift(inputs, unit, remembered),
            false => None,
        };
        match drift {
            None => works.kept += 1,
            Some(drift) => {
                works.list.push(work(remembered, &drift));
                works.drift.push(drift);
            }
        }
    }
    works
}

fn drift(inputs: &Inputs<'_>, unit: &UnitAddress, remembered: &Remembered) -> Option<Drift> {
    let fields = match inputs.observed.get(remembered.record.id.as_ref()?)? {
        Presence::Absent => Vec::new(),
        Presence::Present(object) => {
            let subject = inputs.graph.get(&unit.resource).and_then(|declaration| {
                let (declared, thing) = declaration.things().find(|(declared, _)| declared.address == *unit)?;
                Some(Subject {
                    declaration,
                    unit: declared,
                    thing,
                })
            });
            drifted(subject?, object, remembered)?
        }
        Presence::Unreadable(_) => return None,
    };
    Some(Drift {
        unit: unit.clone(),
        outcome: match fields.is_empty() {
            true => Outcome::Deleted,
            false => Outcome::Changed,
        },
        fields,
    })
}

fn work(remembered: &Remembered, drift: &Drift) -> Work {
    let (action, reason, then) = match drift.outcome {
        Outcome::Deleted => (Action::Forget, Reason::Gone, Remember::Forget),
        Outcome::Changed => {
            let mut record = remembered.record.clone();
            let seen = drift.fields.iter().filter_map(|field| match &field.after {
                Some(Shown::Value(value)) => Some((field.attribute.clone(), value.clone())),
                Some(Shown::Sensitive | Shown::Unknown) | None => None,
            });
            record.fields.extend(seen);
            (Action::Remember, Reason::Drifted, Remember::Record(Box::new(record)))
        }
    };
    let change = Change {
        unit: drift.unit.clone(),
        id: remembered.record.id.clone(),
        action,
        reason,
        fields: drift.fields.iter().map(FieldChange::clone).collect(),
        notes: match drift.outcome {
            Outcome::Deleted => vec!["it is gone from Azure".to_owned()],
            Outcome::Changed => Vec::new(),
        },
    };
    let operation = Operation {
        op: Op::Note,
        scopes: remembered.record.scopes.iter().cloned().collect(),
        patience: None,
        then,
    };
    Work::new(&drift.unit, Some(change), vec![operation], Direction::Up)
}
