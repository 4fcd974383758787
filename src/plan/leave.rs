//! What leaves, and what may not: units that are no longer declared, what `prevent_destroy` keeps, what a running migration
//! needs. Pure.

use std::collections::BTreeSet;

use crate::address::UnitAddress;
use crate::arm::migration::{Migration, Standing};
use crate::arm::{ArmId, SourceServer};
use crate::diagnostic::code::{KEPT, PROTECTED, UNREADABLE};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::observed::Presence;
use crate::prior::{Origin, Remembered};

use super::action::{Action, Change, Reason};
use super::diff::{DELETE_PATIENCE, Declared, Direction, Operation, Work, Works};
use super::step::{Op, Remember, StepTarget};
use super::{Inputs, Mode};

/// A unit that is no longer declared.
pub(super) fn work(
    inputs: &Inputs<'_>,
    unit: &UnitAddress,
    remembered: &Remembered,
    declared: &Declared,
) -> Result<Work, Diagnostics> {
    let record = &remembered.record;
    let destroy = inputs.mode == Mode::Destroy;
    let reason = if destroy { Reason::Destroy } else { Reason::NotDeclared };
    let change = |action, note: Option<&str>| {
        Some(Change {
            unit: unit.clone(),
            id: record.id.clone(),
            action,
            reason: reason.clone(),
            fields: Vec::new(),
            notes: note.map(str::to_owned).into_iter().collect(),
        })
    };
    let elsewhere = record
        .id
        .as_ref()
        .is_some_and(|id| !destroy && declared.ids.contains_key(id));
    let (change, op) = match (&record.id, record.origin) {
        _ if elsewhere => (None, Op::Note),
        (Some(id), Origin::Created) => match inputs.observed.get(id) {
            Some(Presence::Present(_)) => (
                change(Action::Delete, None),
                Op::Delete {
                    target: StepTarget::Known(id.clone()),
                },
            ),
            Some(Presence::Absent) => (change(Action::Forget, Some("it is gone from Azure already")), Op::Note),
            Some(Presence::Unreadable(why)) => return Err(cannot_delete(unit, id, why)),
            None => return Err(cannot_delete(unit, id, "it was not looked at")),
        },
        (None, Origin::Created) => (change(Action::Forget, Some("it was never made")), Op::Note),
        (_, Origin::Adopted) => (
            change(Action::Forget, Some("it was there before us and stays")),
            Op::Note,
        ),
        (_, Origin::Imported) => (
            change(
                Action::Forget,
                Some("it was imported and stays; `delete_imported` would delete it"),
            ),
            Op::Note,
        ),
    };
    let patience = matches!(op, Op::Delete { .. }).then_some(DELETE_PATIENCE);
    let scopes = record.scopes.iter().cloned().collect();
    Ok(Work {
        unit: unit.clone(),
        change,
        ops: vec![Operation {
            op,
            scopes,
            patience,
            then: Remember::Forget,
        }],
        direction: Direction::Down,
        touches: record.touches.iter().cloned().collect(),
        queue: None,
    })
}

fn cannot_delete(unit: &UnitAddress, id: &ArmId, why: &str) -> Diagnostics {
    Diagnostic::error(UNREADABLE, "object cannot be read")
        .detail(format!(
            "{unit} is to be deleted, but nobody can say whether {id} is there: {why}"
        ))
        .hint("give the identity the role Reader on it")
        .about(&unit.resource)
        .into()
}

/// What `prevent_destroy` keeps is neither deleted nor made anew.
pub(super) fn keep(inputs: &Inputs<'_>, works: &Works, found: &mut Diagnostics) {
    for change in works.list.iter().filter_map(|work| work.change.as_ref()) {
        let destroys = matches!(change.action, Action::Delete | Action::Replace);
        let Some(declaration) = inputs.graph.get(&change.unit.resource).filter(|_| destroys) else {
            continue;
        };
        if declaration.meta.lifecycle.prevent_destroy == Some(true) {
            found.push(
                Diagnostic::error(KEPT, "destroying is prevented")
                    .at(declaration.span, format!("{} would be destroyed", change.unit))
                    .detail("Its `lifecycle` block says `prevent_destroy = true`.")
                    .hint("set `prevent_destroy = false` first, in a change of its own")
                    .about(&change.unit.resource),
            );
        }
    }
}

/// While a migration is active, nothing on its way is taken down, made anew or declared otherwise. What somebody else changed
/// or left broken may be put right.
pub(super) fn protect(inputs: &Inputs<'_>, works: &Works, found: &mut Diagnostics) {
    let active = active_ways(inputs);
    if active.is_empty() {
        return;
    }
    for work in &works.list {
        let Some(change) = &work.change else { continue };
        let disturbs = match change.action {
            Action::Delete | Action::Replace => true,
            Action::Update => !matches!(change.reason, Reason::Drifted | Reason::Repair(_)),
            Action::Adopt | Action::Create | Action::Forget | Action::Advance(_) => false,
        };
        let crossing = active
            .iter()
            .find(|(_, way)| way.iter().any(|id| work.touches.contains(id)));
        if let (true, Some((migration, _))) = (disturbs, crossing) {
            let mut refused = Diagnostic::error(PROTECTED, "a running migration needs it")
                .detail(format!(
                    "{} is on the way of the migration `{}`, which is not over.",
                    work.unit,
                    migration.id.name()
                ))
                .hint(format!(
                    "wait until `{}` has ended, or end it with `pgferry cancel`",
                    migration.id.name()
                ))
                .about(&work.unit.resource);
            if let Some(declaration) = inputs.graph.get(&work.unit.resource) {
                refused = refused.at(declaration.span, "this would be changed");
            }
            found.push(refused);
        }
    }
}

/// Every active migration with the objects on its way.
fn active_ways<'a>(inputs: &'a Inputs<'_>) -> Vec<(&'a Migration, BTreeSet<ArmId>)> {
    let mut ways = Vec::new();
    let active = |migration: &&Migration| !matches!(migration.standing(), Standing::Ended(_));
    for (target, migrations) in inputs.observed.all_migrations() {
        for migration in migrations.iter().filter(active) {
            let mut way = BTreeSet::from([target.clone()]);
            way.extend(migration.runtime.clone());
            for (_, batch) in inputs.graph.batches() {
                if batch.target == *target && batch.source.server() == SourceServer::of(&migration.source) {
                    way.extend(batch.path.iter().cloned());
                }
            }
            for (_, remembered) in inputs.prior.iter() {
                if remembered
                    .record
                    .attempts
                    .iter()
                    .any(|attempt| attempt.id == migration.id)
                {
                    way.extend(remembered.record.touches.iter().cloned());
                }
            }
            ways.push((migration, way));
        }
    }
    ways
}
