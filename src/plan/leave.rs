//! What leaves, and what may not: units that are no longer declared, what `prevent_destroy` keeps, what a running migration
//! needs. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::address::{UnitAddress, typed};
use crate::arm::migration::{Migration, Standing};
use crate::arm::{ArmId, SourceServer};
use crate::block::AtEnd;
use crate::diagnostic::code::{IN_THE_WAY, KEPT, PROTECTED, STILL_RUNNING, UNREADABLE};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::Declaration;
use crate::kind::{self, BodyField, database_batch, member};
use crate::observed::{Hidden, Presence};
use crate::prior::{Origin, Remembered};

use super::action::{Action, Change, FieldChange, Reason};
use super::batch::{TAG_UNIT, tag};
use super::diff::{DELETE_PATIENCE, Declared};
use super::step::{Finds, Op, Remember, StepTarget};
use super::work::{Direction, Operation, Work, Works};
use super::{Inputs, Mode};

/// A unit that is no longer declared.
pub(super) fn work(
    inputs: &Inputs<'_>,
    unit: &UnitAddress,
    remembered: &Remembered,
    declared: &Declared<'_>,
) -> Result<Work, Diagnostics> {
    let record = &remembered.record;
    let destroy = inputs.aim.mode == Mode::Destroy;
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
        .is_some_and(|id| !destroy && declared.ids.contains(id));
    let forget = |note: &str| (change(Action::Forget, Some(note)), Op::Note);
    // What is ours goes, if it is still there.
    let go = |id: &ArmId, note: Option<&str>| {
        Ok::<_, Diagnostics>(match to_delete(inputs, unit, id)? {
            Some(object) => {
                let target = StepTarget::Known(id.clone());
                let finds = seen(unit, object);
                let change = change(Action::Delete, note).map(|change| Change {
                    fields: going(unit, &record.fields, object),
                    ..change
                });
                (change, Op::Delete { target, finds })
            }
            None => forget("it is gone from Azure already"),
        })
    };
    let removed = removed(inputs, unit);
    let (change, op) = match (&record.id, record.origin) {
        _ if elsewhere => (None, Op::Note),
        (Some(_), Origin::Created) if removed == Some(AtEnd::Keep) => {
            forget("it stays in Azure, as its `removed` block says")
        }
        (Some(id), Origin::Imported) if removed == Some(AtEnd::Destroy) || is_to_go(inputs, unit) => {
            go(id, Some("it was imported, and its configuration says to delete it"))?
        }
        (Some(id), Origin::Created) => go(id, None)?,
        (None, Origin::Created) => forget("it was never made"),
        (_, Origin::Adopted) => forget("it was there before us and stays"),
        (_, Origin::Imported) => forget("it was imported and stays; `delete_imported` would delete it"),
    };
    let patience = matches!(op, Op::Delete { .. }).then_some(DELETE_PATIENCE);
    let scopes = record.scopes.iter().cloned().collect();
    let operation = Operation {
        op,
        scopes,
        patience,
        then: Remember::Forget,
    };
    Ok(Work {
        touches: record.touches.iter().cloned().collect(),
        ..Work::new(unit, change, vec![operation], Direction::Down)
    })
}

/// What goes with an object: the fields that we made, as Azure has them by now.
fn going(unit: &UnitAddress, remembered: &BTreeMap<String, Json>, object: &Json) -> Vec<FieldChange> {
    let kind = kind::find(unit.resource.kind().as_str());
    let thing = kind.and_then(|kind| kind.conduct().thing());
    let fields = thing.into_iter().flat_map(|thing| thing.fields);
    let field = |field: &BodyField| {
        let last = remembered.get(field.attribute)?;
        // Where both mean the same, as the configuration spelled it.
        let other = member(object, field.path).filter(|now| !field.compare.same(last, now));
        Some(FieldChange {
            attribute: field.attribute.to_owned(),
            before: Some(other.unwrap_or(last).clone()),
            after: None,
            forces_replacement: false,
        })
    };
    fields.filter_map(field).collect()
}

/// Whether `delete_imported` says that what was imported goes when everything does.
fn is_to_go(inputs: &Inputs<'_>, unit: &UnitAddress) -> bool {
    let declaration = inputs.graph.get(&unit.resource);
    declaration.is_some_and(|declaration| declaration.meta.lifecycle.delete_imported)
}

/// What a deletion must find: the object as it was seen.
fn seen(unit: &UnitAddress, object: &Json) -> Finds {
    let kind = kind::find(unit.resource.kind().as_str());
    let thing = kind.and_then(|kind| kind.conduct().thing());
    thing.map_or(Finds::Anything, |thing| Finds::seen(thing, object))
}

/// What a `removed` block says of a unit that is no longer declared.
fn removed(inputs: &Inputs<'_>, unit: &UnitAddress) -> Option<AtEnd> {
    if inputs.aim.mode == Mode::Destroy {
        return None;
    }
    let mut removals = inputs.statements.removals.iter();
    let removal = removals.find(|removal| removal.from.covers(&unit.resource))?;
    Some(match removal.at_end {
        AtEnd::AsItsKind if unit.resource.kind().as_str() == database_batch::NAME => AtEnd::Keep,
        AtEnd::AsItsKind => AtEnd::AsItsKind,
        told @ (AtEnd::Destroy | AtEnd::Keep) => told,
    })
}

/// What there is of an object that is to be deleted.
pub(super) fn to_delete<'i>(
    inputs: &Inputs<'i>,
    unit: &UnitAddress,
    id: &ArmId,
) -> Result<Option<&'i Json>, Diagnostics> {
    match inputs.observed.get(id) {
        Some(Presence::Present(object)) => Ok(Some(object)),
        Some(Presence::Absent) => Ok(None),
        Some(Presence::Unreadable(why)) => Err(cannot_delete(unit, id, why)),
        None => Err(cannot_delete(unit, id, &Hidden::NotLookedAt)),
    }
}

fn cannot_delete(unit: &UnitAddress, id: &ArmId, why: &Hidden) -> Diagnostics {
    Diagnostic::error(UNREADABLE, "object cannot be read")
        .detail(format!(
            "{unit} is to be deleted, but nobody can say whether {id} is there: {why}"
        ))
        .hint(why.way_out("the role Reader on it"))
        .about(&unit.resource)
        .into()
}

/// What is deleted holds nothing that stays: Azure refuses to delete a zone with links.
pub(super) fn empty_first(inputs: &Inputs<'_>, works: &Works, found: &mut Diagnostics) {
    let deletions = works.list.iter().flat_map(|work| {
        let operations = work.removals.iter().chain(&work.ops);
        operations.filter_map(move |operation| match &operation.op {
            Op::Delete {
                target: StepTarget::Known(id),
                ..
            } => Some((id, &work.unit)),
            Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Await(_) => None,
            Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
        })
    });
    let deleted: BTreeMap<&ArmId, &UnitAddress> = deletions.collect();
    if deleted.is_empty() {
        return;
    }
    let ways = active_ways(inputs);
    for (unit, remembered) in inputs.prior.iter() {
        let Some(id) = &remembered.record.id else { continue };
        let Some(above) = id.parent() else { continue };
        let stays = !deleted.contains_key(id) && inputs.observed.object(id).is_some();
        if let (Some(owner), true) = (deleted.get(&above), stays) {
            let span = inputs.graph.get(&owner.resource).map(|declaration| declaration.span);
            let problem = Diagnostic::error(IN_THE_WAY, "something that stays is in the way")
                .detail(format!(
                    "{owner} would be deleted, and `{}` below it stays: {unit} was there before us, or is kept.",
                    id.name()
                ))
                .hint(
                    match ways
                        .iter()
                        .find(|active| active.way.contains(id) || active.way.contains(&above))
                    {
                        None => format!("remove `{}` by hand, or keep {}", id.name(), owner.resource),
                        Some(active) => format!(
                            "keep {} until the migration `{}` is over: it needs `{}`",
                            owner.resource,
                            active.migration.id.name(),
                            id.name()
                        ),
                    },
                )
                .about(&owner.resource);
            found.push(match span {
                Some(span) => problem.at(
                    span,
                    format!("this would have to leave, and `{}` stays in it", id.name()),
                ),
                None => problem,
            });
        }
    }
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
/// or left broken may be put right. One problem a migration, with all that would disturb it.
pub(super) fn protect(inputs: &Inputs<'_>, works: &Works, found: &mut Diagnostics) {
    for active in active_ways(inputs) {
        let disturbing: Vec<(&UnitAddress, &str)> = works
            .list
            .iter()
            .filter(|work| active.way.iter().any(|id| touches(work, id)))
            .filter_map(|work| Some((&work.unit, disturbance(work.change.as_ref()?)?)))
            .collect();
        match (inputs.aim.mode, &active.unit) {
            (Mode::Destroy, Some(unit)) => found.push(still_running(unit, active.migration, &disturbing)),
            (Mode::Destroy | Mode::Apply | Mode::Refresh, _) if disturbing.is_empty() => {}
            (Mode::Destroy | Mode::Apply | Mode::Refresh, unit) => {
                found.push(protected(inputs, unit.as_ref(), active.migration, &disturbing));
            }
        }
    }
}

fn touches(work: &Work, id: &ArmId) -> bool {
    work.touches.contains(id) || work.left.contains(id)
}

/// What a change would do to a migration that needs its unit; nothing, if it does no harm.
fn disturbance(change: &Change) -> Option<&'static str> {
    match change.action {
        Action::Delete => Some("deleted"),
        Action::Replace => Some("made anew"),
        Action::Update if !matches!(change.reason, Reason::Drifted | Reason::Repair(_)) => Some("changed"),
        Action::Update | Action::Adopt | Action::Create | Action::Forget | Action::Remember | Action::Advance(_) => {
            None
        }
    }
}

fn still_running(unit: &UnitAddress, migration: &Migration, disturbing: &[(&UnitAddress, &str)]) -> Diagnostic {
    let needed = match disturbing {
        [] => String::new(),
        some => format!(" It needs what {}.", would_be(some)),
    };
    Diagnostic::error(STILL_RUNNING, "a migration is still running")
        .detail(format!(
            "`{}` of {unit} is not over, and destroy never cancels.{needed}",
            migration.id.name()
        ))
        .hint(format!("wait for it, or end it with `pgferry cancel {}`", typed(unit)))
        .about(&unit.resource)
}

fn protected(
    inputs: &Inputs<'_>,
    unit: Option<&UnitAddress>,
    migration: &Migration,
    disturbing: &[(&UnitAddress, &str)],
) -> Diagnostic {
    let name = migration.id.name();
    let refused = Diagnostic::error(PROTECTED, "a running migration needs it").detail(format!(
        "The migration `{name}` is not over, and needs what {}.",
        would_be(disturbing)
    ));
    let refused = match unit {
        Some(unit) => refused
            .hint(format!(
                "wait until it has ended, or end it with `pgferry cancel {}`",
                typed(unit)
            ))
            .about(&unit.resource),
        None => match tag(migration, TAG_UNIT) {
            Some(unit) => refused.hint(format!("wait until it has ended: its tags say that it is of {unit}")),
            None => refused.hint("wait until it has ended: nothing says whose it is"),
        },
    };
    let mut declared = disturbing
        .iter()
        .filter_map(|(unit, verb)| Some((inputs.graph.get(&unit.resource)?, verb)));
    match declared.next() {
        Some((declaration, verb)) => refused.at(declaration.span, format!("this would be {verb}")),
        None => refused,
    }
}

/// `would be deleted: a and b; would be changed: c`.
fn would_be(disturbing: &[(&UnitAddress, &str)]) -> String {
    let mut by_verb: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (unit, verb) in disturbing {
        by_verb.entry(verb).or_default().push(unit.to_string());
    }
    let parts: Vec<String> = by_verb
        .into_iter()
        .map(|(verb, units)| format!("would be {verb}: {}", units.join(", ")))
        .collect();
    parts.join("; ")
}

/// An active migration.
struct Active<'a> {
    migration: &'a Migration,
    /// Its unit, where it is one of ours.
    unit: Option<UnitAddress>,
    /// The objects on its way.
    way: BTreeSet<ArmId>,
}

/// A server, and the networks and the zone that it lives in, as Azure tells them or its block names them: whoever moves
/// something to it or through it comes by there.
fn surroundings(inputs: &Inputs<'_>, server: &ArmId) -> BTreeSet<ArmId> {
    let told = inputs
        .observed
        .object(server)
        .and_then(|object| object.pointer("/properties/network"));
    let member = |name: &str| told?.get(name)?.as_str()?.parse::<ArmId>().ok();
    let network = member("delegatedSubnetResourceId").and_then(|subnet| subnet.parent());
    let stands_for =
        |declaration: &&Declaration, id: &ArmId| declaration.units().iter().any(|unit| unit.id.known() == Some(id));
    let blocks = inputs
        .graph
        .iter()
        .filter(|declaration| stands_for(declaration, server));
    let named = blocks.flat_map(|block| inputs.graph.needs(&block.address));
    let named = named.filter_map(|need| inputs.graph.get(&need.on));
    let named = named
        .flat_map(Declaration::units)
        .filter_map(|unit| unit.id.known().cloned());
    let around = [Some(server.clone()), network, member("privateDnsZoneArmResourceId")];
    around.into_iter().flatten().chain(named).collect()
}

/// Every active migration with the objects on its way.
fn active_ways<'a>(inputs: &'a Inputs<'_>) -> Vec<Active<'a>> {
    let mut ways = Vec::new();
    let active = |migration: &&Migration| !matches!(migration.standing(), Standing::Ended(_));
    for (target, migrations) in inputs.observed.all_migrations() {
        for migration in migrations.iter().filter(active) {
            let mut way = surroundings(inputs, target);
            let mut unit = None;
            way.extend(
                migration
                    .runtime
                    .iter()
                    .flat_map(|runtime| surroundings(inputs, runtime)),
            );
            for (_, batch) in inputs.graph.batches() {
                if batch.target == *target && batch.source.server() == SourceServer::of(&migration.source) {
                    way.extend(batch.path.iter().cloned());
                }
            }
            for (remembered_unit, remembered) in inputs.prior.iter() {
                let mut attempts = remembered.record.attempts.iter();
                if attempts.any(|attempt| attempt.id == migration.id) {
                    way.extend(remembered.record.touches.iter().cloned());
                    unit = Some(remembered_unit.clone());
                }
            }
            ways.push(Active { migration, unit, way });
        }
    }
    ways
}
