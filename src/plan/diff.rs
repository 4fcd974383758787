//! The three-way difference: declared against observed decides the action, prior tells a change from drift and ours from not
//! ours. Pure; it orders nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value as Json;

use crate::address::{Address, UnitAddress};
use crate::arm::{ArmId, Body, Condition, Draft, Query};
use crate::diagnostic::code::{IN_THE_WAY, MOVE_BLOCKED, NOT_THERE, UNREADABLE};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::graph::Declaration;
use crate::kind::schema::Term;
use crate::kind::{self, Behind, BodyField, Compare, Conduct, Dead, OnChange, Thing, Unit, member};
use crate::observed::{Hidden, Presence};
use crate::prior::{Origin, Remembered, UnitRecord};

use super::action::{Action, Change, Drift, FieldChange, Outcome, Reason, Shown};
use super::batch::TAG_UNIT;
use super::hold;
use super::import;
use super::jobs;
use super::leave;
use super::step::{Finds, Op, Remember, StepTarget};
use super::work::{Direction, Operation, Work, Works};
use super::{Finding, Inputs, Mode};

/// How long a deletion may take.
pub(super) const DELETE_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Compares.
///
/// # Errors
/// When something that must exist does not, could not be read, or is protected.
pub fn works(inputs: &Inputs<'_>) -> Result<Works, Diagnostics> {
    let mut works = Works::default();
    let mut found = Diagnostics::new();
    let declared = Declared::of(inputs);
    if inputs.aim.mode == Mode::Apply {
        for declaration in inputs.graph.iter() {
            for unit in declaration.units() {
                match declaration.kind.conduct() {
                    Conduct::ReadOnly => {
                        found.absorb(must_exist(inputs, declaration, unit));
                    }
                    Conduct::Thing(thing) => {
                        let subject = Subject {
                            declaration,
                            unit,
                            thing,
                        };
                        if let Some(work) = found.absorb(compare(inputs, subject, &declared, &mut works)) {
                            works.take(work);
                        }
                    }
                    Conduct::Job => {}
                }
            }
        }
    }
    if inputs.aim.mode == Mode::Apply {
        import::check(inputs, &mut found);
    }
    works.findings.extend(inputs.statements.blocked.iter().map(blocked));
    jobs::works(inputs, &mut works, &mut found);
    for (unit, remembered) in inputs
        .prior
        .iter()
        .filter(|(_, remembered)| remembered.record.attempts.is_empty())
    {
        if (inputs.aim.mode == Mode::Destroy || !declared.units.contains(unit))
            && let Some(work) = found.absorb(leave::work(inputs, unit, remembered, &declared))
        {
            works.take(Some(work));
        }
    }
    works.list.sort_by(|a, b| a.unit.cmp(&b.unit));
    hold::back(inputs, &mut works);
    leave::protect(inputs, &works, &mut found);
    leave::empty_first(inputs, &works, &mut found);
    leave::keep(inputs, &works, &mut found);
    found.or(works).map(|(works, _)| works)
}

/// A move to a name that is taken.
fn blocked((from, to): &(UnitAddress, UnitAddress)) -> Finding {
    Finding {
        code: MOVE_BLOCKED,
        severity: Severity::Warning,
        summary: format!("{from} cannot be moved to {to}: something else is remembered under this name"),
        detail: Some(format!(
            "It stays {from}, which is no longer declared. Take the `moved` block out, or give one of them another name."
        )),
        remedy: None,
        address: Some(to.resource.clone()),
    }
}

/// What the configuration declares.
pub(super) struct Declared<'a> {
    units: BTreeSet<&'a UnitAddress>,
    pub(super) ids: HashSet<ArmId>,
    /// What is put and deleted, by the id that it is declared under.
    things: HashMap<&'a ArmId, Subject<'a>>,
}

impl<'a> Declared<'a> {
    fn of(inputs: &Inputs<'a>) -> Self {
        let units = inputs.graph.iter().flat_map(Declaration::units);
        let read = inputs
            .graph
            .iter()
            .filter(|declaration| declaration.things().next().is_none());
        let read = read
            .flat_map(Declaration::units)
            .filter_map(|unit| unit.id.known().cloned());
        let things = subjects(inputs).filter_map(|subject| Some((subject.unit.id.known()?, subject)));
        Self {
            things: things.collect(),
            units: units.map(|unit| &unit.address).collect(),
            ids: declared_objects(inputs).map(|(_, id)| id).chain(read).collect(),
        }
    }
}

/// Every declared object that is put and deleted, with the id that it has or will have: its own, or that of its like under
/// another name.
pub(super) fn declared_objects<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = (&'a UnitAddress, ArmId)> {
    subjects(inputs).filter_map(|subject| {
        let id = subject.unit.id.known()?;
        let found = match inputs.observed.get(id) {
            Some(Presence::Present(_) | Presence::Unreadable(_)) => None,
            Some(Presence::Absent) | None => sibling(inputs, subject, id).map(|(id, _)| id),
        };
        Some((&subject.unit.address, found.unwrap_or_else(|| id.clone())))
    })
}

fn subjects<'a>(inputs: &Inputs<'a>) -> impl Iterator<Item = Subject<'a>> + use<'a> {
    inputs.graph.iter().flat_map(|declaration| {
        let subject = move |(unit, thing)| Subject {
            declaration,
            unit,
            thing,
        };
        declaration.things().map(subject)
    })
}

/// One declared object that is put and deleted.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) declaration: &'a Declaration,
    pub(super) unit: &'a Unit,
    pub(super) thing: &'static Thing,
}

fn must_exist(inputs: &Inputs<'_>, declaration: &Declaration, unit: &Unit) -> Result<(), Diagnostics> {
    let Term::Known(id) = &unit.id else { return Ok(()) };
    let problem = match inputs.observed.get(id) {
        Some(Presence::Present(_)) | None => return Ok(()),
        Some(Presence::Absent) => Diagnostic::error(NOT_THERE, "object does not exist")
            .at(
                declaration.span,
                format!("there is no {} `{}`", declaration.kind.schema().kind, id.name()),
            )
            .detail(format!(
                "{id} does not exist; `{}` only reads it.",
                unit.address.resource.kind()
            ))
            .hint("check its name, resource group and subscription"),
        Some(Presence::Unreadable(reason)) => unreadable(declaration, id, reason),
    };
    Err(problem.about(&declaration.address).into())
}

pub(super) fn unreadable(declaration: &Declaration, id: &ArmId, hidden: &Hidden) -> Diagnostic {
    let told = match hidden {
        Hidden::Refused(_) | Hidden::NotLookedAt => format!("Azure does not let us read `{}`", id.name()),
        Hidden::NotInSnapshot => format!("the snapshot does not hold `{}`", id.name()),
    };
    let way_out = hidden.way_out("the role Reader on it");
    Diagnostic::error(UNREADABLE, "object cannot be read")
        .at(declaration.span, told)
        .detail(format!("{id}: {hidden}"))
        .hint(format!(
            "{way_out}; nothing is created where nobody knows what is there"
        ))
}

/// One declared unit against what is there. `None` where it stays as it is.
fn compare(
    inputs: &Inputs<'_>,
    subject: Subject<'_>,
    declared: &Declared<'_>,
    works: &mut Works,
) -> Result<Option<Work>, Diagnostics> {
    let Subject { declaration, unit, .. } = subject;
    let here = inputs.prior.get(&unit.address);
    let Term::Known(id) = &unit.id else {
        return Ok(Some(create(inputs, subject, None, Reason::Absent)));
    };
    let found = match inputs.observed.get(id) {
        Some(Presence::Unreadable(reason)) => {
            return Err(unreadable(declaration, id, reason).about(&declaration.address).into());
        }
        Some(Presence::Present(object)) => Some((id.clone(), object.as_ref())),
        Some(Presence::Absent) | None => sibling(inputs, subject, id),
    };
    let id = found.as_ref().map_or(id, |(id, _)| id);
    let left = here.and_then(|here| here.record.id.as_ref().map(|old| (here, old)));
    let left = match left.filter(|(_, old)| *old != id && !declared.ids.contains(old)) {
        Some((here, old)) => left_behind(inputs, subject, &here.record, old)?,
        None => None,
    };
    let work = match &found {
        Some((id, object)) => present(inputs, subject, (id, object), declared, works)?,
        None => {
            let gone = here.is_some_and(|here| here.record.id.as_ref() == Some(id));
            if gone {
                works.drift.push(Drift {
                    unit: unit.address.clone(),
                    fields: Vec::new(),
                    outcome: Outcome::Deleted,
                });
            }
            let reason = if gone { Reason::Gone } else { Reason::Absent };
            Some(create(inputs, subject, Some(id), reason))
        }
    };
    Ok(match left {
        Some(left) => work.map(|work| left.behind(work, id)),
        None => work,
    })
}

/// An object that the address of a unit stood for, and stands for no longer.
struct Left<'a> {
    id: &'a ArmId,
    /// Its deletion, where it is ours.
    removal: Option<Box<Operation>>,
    touches: BTreeSet<ArmId>,
}

/// What becomes of the object that an address stood for before: ours goes, what was there before us stays.
fn left_behind<'a>(
    inputs: &Inputs<'_>,
    subject: Subject<'_>,
    record: &'a UnitRecord,
    old: &'a ArmId,
) -> Result<Option<Left<'a>>, Diagnostics> {
    let lifecycle = &subject.declaration.meta.lifecycle;
    let ours = match record.origin {
        Origin::Created => true,
        Origin::Imported => lifecycle.delete_imported,
        Origin::Adopted => false,
    };
    let object = match (inputs.observed.get(old), ours) {
        (Some(Presence::Absent), false) => return Ok(None),
        (_, false) => None,
        (_, true) => match leave::to_delete(inputs, &subject.unit.address, old)? {
            None => return Ok(None),
            Some(object) => Some(object),
        },
    };
    let patience = subject.declaration.meta.timeouts.delete;
    let removal = object.map(|object| Operation {
        op: Op::Delete {
            target: StepTarget::Known(old.clone()),
            finds: Finds::seen(subject.thing, object),
        },
        scopes: record.scopes.iter().cloned().collect(),
        patience: Some(patience.unwrap_or(DELETE_PATIENCE)),
        then: Remember::Unchanged,
    });
    Ok(Some(Left {
        id: old,
        removal: removal.map(Box::new),
        touches: record.touches.iter().cloned().collect(),
    }))
}

impl Left<'_> {
    /// A work that comes in the stead of what is left.
    fn behind(self, mut work: Work, id: &ArmId) -> Work {
        let change = work.change.get_or_insert_with(|| Change {
            unit: work.unit.clone(),
            id: Some(id.clone()),
            action: Action::Adopt,
            reason: Reason::Declared,
            fields: Vec::new(),
            notes: Vec::new(),
        });
        if self.removal.is_some() {
            let siblings = self.id.collection() == id.collection();
            let text = |id: &ArmId| Json::String(if siblings { id.name() } else { id.as_str() }.to_owned());
            let place = FieldChange {
                attribute: if siblings { "name" } else { "id" }.to_owned(),
                before: Some(text(self.id)),
                after: Some(Shown::Value(text(id))),
                forces_replacement: true,
            };
            change.fields.insert(0, place);
            if change.action == Action::Adopt {
                change
                    .notes
                    .push(format!("{} is there already, and is taken over as it is", id.name()));
            }
            change.action = Action::Replace;
            change.reason = Reason::Declared;
        } else {
            change
                .notes
                .push(format!("{} stays: it was there before us", self.id.name()));
        }
        work.left.extend(self.touches);
        work.removals.splice(0..0, self.removal.map(|removal| *removal));
        work
    }
}

/// A declared unit against the object that is there. `None` where it stays as it is.
fn present(
    inputs: &Inputs<'_>,
    subject: Subject<'_>,
    (id, object): (&ArmId, &Json),
    declared: &Declared<'_>,
    works: &mut Works,
) -> Result<Option<Work>, Diagnostics> {
    let Subject { unit, thing, .. } = subject;
    let here = inputs.prior.get(&unit.address);
    let before = here.filter(|here| here.record.id.as_ref().is_none_or(|known| known == id));
    note_drift(subject, object, before, works);
    let dead = thing.dead.filter(|dead| is_dead(dead, object));
    let record = |origin| Box::new(record(inputs, subject, Some(id), origin));
    let maker = Maker::of(before);
    let differing = Differing {
        subject,
        id,
        object,
        fields: differences(subject, object, maker),
        maker,
        ailment: ailment(object, before).or_else(|| behind(thing, object).map(|behind| behind.because.to_owned())),
    };
    let made_anew = differing.fields.iter().any(|field| field.forces_replacement);
    let asked_for = inputs.aim.replace.contains(&unit.address.resource);
    let is_ours = before.is_some_and(|remembered| remembered.record.origin == Origin::Created);
    let because = match asked_for {
        true => Some("`--replace` asks for it".to_owned()),
        false => taken_along(inputs, id, declared),
    };
    if let Some(because) = because.filter(|_| is_ours && !made_anew) {
        return Ok(Some(
            differing.replace(Reason::Because(because), record(Origin::Created)),
        ));
    }
    if let Some(dead) = dead.filter(|_| !made_anew) {
        let reason = Reason::Because(dead.because.to_owned());
        return Ok(Some(differing.replace(reason, record(Origin::Created))));
    }
    let imported = before.is_none() && import::names(inputs, unit, id);
    let new = if imported { Origin::Imported } else { Origin::Adopted };
    let origin = before.map_or(new, |remembered| remembered.record.origin);
    let notes = match (imported, subject.declaration.meta.lifecycle.delete_imported) {
        (false, _) => Vec::new(),
        (true, false) => vec!["imported: once it leaves the configuration it is forgotten and stays".to_owned()],
        (true, true) => {
            vec!["imported, and deleted once it leaves the configuration: `delete_imported` says so".to_owned()]
        }
    };
    if differing.fields.is_empty() {
        if let Some(ailment) = &differing.ailment {
            let reason = Reason::Repair(ailment.clone());
            return Ok(Some(differing.update(reason, record(origin))));
        }
        let known = here.is_some_and(|here| same_memory(&here.record, &record(origin)));
        if known {
            return Ok(None);
        }
        let change = before.is_none().then(|| Change {
            unit: unit.address.clone(),
            id: Some(id.clone()),
            action: Action::Adopt,
            reason: Reason::AlreadyThere,
            fields: Vec::new(),
            notes: notes.into_iter().chain(untagged_note(subject, object, maker)).collect(),
        });
        return Ok(Some(note(unit, change, Remember::Record(record(origin)))));
    }
    let reason = reason_of(subject, before);
    if made_anew {
        if origin != Origin::Created {
            return Err(in_the_way(&differing));
        }
        return Ok(Some(differing.replace(reason, record(Origin::Created))));
    }
    let mut update = differing.update(reason, record(origin));
    if let (true, Some(change)) = (imported, &mut update.change) {
        change.notes = notes;
    }
    Ok(Some(update))
}

/// Why an object does not outlive what it stands in: that is deleted to be made anew, and Azure deletes what is below it.
fn taken_along(inputs: &Inputs<'_>, id: &ArmId, declared: &Declared<'_>) -> Option<String> {
    let above = id.parent()?;
    let subject = *declared.things.get(&above)?;
    let object = inputs.observed.object(&above)?;
    let unit = &subject.unit.address;
    let remembered = inputs.prior.get(unit)?;
    let record = &remembered.record;
    let is_ours = record.origin == Origin::Created && record.id.as_ref() == Some(&above);
    let dead = subject.thing.dead.is_some_and(|dead| is_dead(&dead, object));
    let made_anew = dead
        || inputs.aim.replace.contains(&unit.resource)
        || differences(subject, object, Maker::Us)
            .iter()
            .any(|field| field.forces_replacement)
        || taken_along(inputs, &above, declared).is_some();
    (is_ours && made_anew).then(|| format!("{unit}, in which it stands, is made anew"))
}

/// Why an object that shows what is declared is put again all the same. While an operation goes on, what we know is left
/// alone, unless it is about to vanish; what is not ours yet is not taken for what it seems to become.
fn ailment(object: &Json, before: Option<&Remembered>) -> Option<String> {
    match Condition::of(object) {
        Condition::Settled => None,
        Condition::Failed(state) if state.eq_ignore_ascii_case("failed") => {
            Some("its last operation failed".to_owned())
        }
        Condition::Failed(_) => Some("its last operation was cancelled".to_owned()),
        Condition::Changing(state) if state.eq_ignore_ascii_case("deleting") => {
            Some("somebody is deleting it".to_owned())
        }
        Condition::Changing(state) if before.is_none() => {
            Some(format!("somebody's operation on it is not over (`{state}`)"))
        }
        Condition::Changing(_) => None,
    }
}

/// Whether an object is beyond repair by this rule.
fn is_dead(dead: &Dead, object: &Json) -> bool {
    member(object, dead.path).and_then(Json::as_str) == Some(dead.value)
}

/// The rule by which an object has fallen behind, where it has.
fn behind(thing: &Thing, object: &Json) -> Option<Behind> {
    let rule = thing.behind?;
    let value = member(object, rule.path)?.as_str()?;
    rule.values
        .iter()
        .any(|known| known.eq_ignore_ascii_case(value))
        .then_some(rule)
}

/// Only what we made is deleted to be made anew.
fn in_the_way(differing: &Differing<'_>) -> Diagnostics {
    let Differing {
        subject: Subject { declaration, unit, .. },
        id,
        fields,
        ..
    } = differing;
    let forcing: Vec<&str> = fields
        .iter()
        .filter(|field| field.forces_replacement)
        .map(|field| field.attribute.as_str())
        .collect();
    Diagnostic::error(IN_THE_WAY, "an object that is not ours is in the way")
        .at(
            declaration.span,
            format!(
                "`{}` is there already, with another {}",
                id.name(),
                forcing.join(" and ")
            ),
        )
        .detail(format!(
            "{} would have to be deleted and made anew as {}, and pgferry deletes only what it made.",
            id, unit.address
        ))
        .hint("give ours another name, or remove the other one by hand")
        .about(&declaration.address)
        .into()
}

/// The same object under another name, where its kind tells objects by a member.
pub(super) fn sibling<'a>(inputs: &'a Inputs<'_>, subject: Subject<'_>, id: &ArmId) -> Option<(ArmId, &'a Json)> {
    let path = subject.thing.identity?;
    let wanted = member_of_body(&subject.unit.body, path)?;
    let collection = id.collection()?;
    inputs.observed.members(&collection).find_map(|other| {
        let object = inputs.observed.object(other)?;
        let same = member(object, path)?.as_str()?.eq_ignore_ascii_case(&wanted);
        same.then(|| (other.clone(), object))
    })
}

/// Whether an object is the one that a unit stands for under another name.
pub(super) fn is_sibling(
    inputs: &Inputs<'_>,
    declaration: &Declaration,
    unit: &Unit,
    known: &ArmId,
    other: &ArmId,
) -> bool {
    let Some(thing) = declaration.kind.conduct().thing() else {
        return false;
    };
    let subject = Subject {
        declaration,
        unit,
        thing,
    };
    sibling(inputs, subject, known).is_some_and(|(found, _)| found == *other)
}

fn member_of_body(body: &Body<Draft>, path: &[&str]) -> Option<String> {
    match body.get(path)? {
        Body::Text(text) => Some(text.to_string()),
        Body::Null
        | Body::Bool(_)
        | Body::Number(_)
        | Body::Secret(_)
        | Body::List(_)
        | Body::Object(_)
        | Body::Open(_) => None,
    }
}

/// Declared tags that what we adopt does not get.
fn untagged_note(subject: Subject<'_>, object: &Json, maker: Maker) -> Option<String> {
    let field = subject
        .thing
        .fields
        .iter()
        .find(|field| field.compare == Compare::Tags)?;
    let theirs = member(object, field.path).unwrap_or(&Json::Null);
    let lacks = !field
        .compare
        .same(&subject.unit.body.get(field.path)?.to_shown(), theirs);
    (lacks && maker == Maker::Others)
        .then(|| "its tags stay as they are: what was there before us is never tagged".to_owned())
}

fn shown(body: &Body<Draft>) -> Shown {
    match body {
        Body::Open(_) => Shown::Unknown,
        Body::Secret(_) => Shown::Sensitive,
        known @ (Body::Null | Body::Bool(_) | Body::Number(_) | Body::Text(_) | Body::List(_) | Body::Object(_)) => {
            Shown::Value(known.to_shown())
        }
    }
}

/// Who made an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    /// We did, or it was handed over to us.
    Us,
    /// It was there before us.
    Others,
}

impl Maker {
    fn of(before: Option<&Remembered>) -> Self {
        match before.map(|remembered| remembered.record.origin) {
            Some(Origin::Created | Origin::Imported) => Self::Us,
            Some(Origin::Adopted) | None => Self::Others,
        }
    }
}

/// Whether a field is left to others: `ignore_changes` says so, or it holds the tags of something that we did not make.
fn is_ignored(declaration: &Declaration, field: &BodyField, maker: Maker) -> bool {
    if maker == Maker::Others && field.compare == Compare::Tags {
        return true;
    }
    let ignored = &declaration.meta.lifecycle.ignore_changes;
    ignored.iter().any(|(name, _)| name == field.attribute || name == "all")
}

fn differences(subject: Subject<'_>, object: &Json, maker: Maker) -> Vec<FieldChange> {
    let Subject {
        declaration,
        unit,
        thing,
    } = subject;
    let mut differing = Vec::new();
    for field in thing
        .fields
        .iter()
        .filter(|field| !is_ignored(declaration, field, maker))
    {
        let Some(wanted) = unit.body.get(field.path) else {
            continue;
        };
        let before = member(object, field.path).cloned();
        let same = match shown(wanted) {
            Shown::Value(value) => field.compare.same(&value, before.as_ref().unwrap_or(&Json::Null)),
            Shown::Sensitive => true,
            Shown::Unknown => false,
        };
        let forces_replacement = match field.change {
            OnChange::CreateOnly => continue,
            OnChange::InPlace => false,
            OnChange::Replaces => true,
        };
        if !same {
            let attribute = field.attribute.to_owned();
            differing.push(FieldChange {
                attribute,
                before,
                after: Some(shown(wanted)),
                forces_replacement,
            });
        }
    }
    differing
}

/// Whether the declaration changed, or somebody else changed the object.
fn reason_of(subject: Subject<'_>, before: Option<&Remembered>) -> Reason {
    match before {
        Some(remembered) if remembered.record.fields == fields_of(subject) => Reason::Drifted,
        Some(_) | None => Reason::Declared,
    }
}

fn note_drift(subject: Subject<'_>, object: &Json, before: Option<&Remembered>, works: &mut Works) {
    if let Some(fields) = before.and_then(|before| drifted(subject, object, before)) {
        works.drift.push(Drift {
            unit: subject.unit.address.clone(),
            fields,
            outcome: Outcome::Changed,
        });
    }
}

/// Differences between what we last did and what is there, but in fields that are left to others; `None` where there are none.
pub(super) fn drifted(subject: Subject<'_>, object: &Json, remembered: &Remembered) -> Option<Vec<FieldChange>> {
    let Subject {
        declaration,
        unit: _,
        thing,
    } = subject;
    let mut fields = Vec::new();
    let maker = Maker::of(Some(remembered));
    let ours = |field: &&BodyField| field.change != OnChange::CreateOnly && !is_ignored(declaration, field, maker);
    for field in thing.fields.iter().filter(ours) {
        let Some(last) = remembered.record.fields.get(field.attribute) else {
            continue;
        };
        let now = member(object, field.path).unwrap_or(&Json::Null);
        if !field.compare.same(last, now) {
            fields.push(FieldChange {
                attribute: field.attribute.to_owned(),
                before: Some(last.clone()),
                after: Some(Shown::Value(now.clone())),
                forces_replacement: false,
            });
        }
    }
    (!fields.is_empty()).then_some(fields)
}

fn fields_of(subject: Subject<'_>) -> BTreeMap<String, Json> {
    let known = subject
        .thing
        .fields
        .iter()
        .filter_map(|field| match shown(subject.unit.body.get(field.path)?) {
            Shown::Value(value) => Some((field.attribute.to_owned(), value)),
            Shown::Sensitive | Shown::Unknown => None,
        });
    known.collect()
}

pub(super) fn record(inputs: &Inputs<'_>, subject: Subject<'_>, id: Option<&ArmId>, origin: Origin) -> UnitRecord {
    let Subject { declaration, unit, .. } = subject;
    UnitRecord {
        format: UnitRecord::FORMAT,
        id: id.cloned(),
        origin,
        fields: fields_of(subject),
        needs: needs(inputs, &declaration.address),
        scopes: unit.scopes.clone(),
        touches: unit.touches.iter().map(|touch| touch.id.clone()).collect(),
        attempts: Vec::new(),
    }
}

/// The units that have to be there first, through resources that stand for none.
pub(super) fn needs(inputs: &Inputs<'_>, address: &Address) -> Vec<UnitAddress> {
    let mut units = BTreeSet::new();
    for need in inputs.graph.needs(address) {
        let Some(declaration) = inputs.graph.get(&need.on) else {
            continue;
        };
        units.extend(declaration.things().map(|(unit, _)| unit.address.clone()));
    }
    units.into_iter().collect()
}

/// Whether two records remember the same, their revision apart.
fn same_memory(a: &UnitRecord, b: &UnitRecord) -> bool {
    let UnitRecord {
        format: _,
        id,
        origin,
        fields,
        needs,
        scopes,
        touches,
        attempts,
    } = a;
    *id == b.id
        && *origin == b.origin
        && *fields == b.fields
        && *needs == b.needs
        && *scopes == b.scopes
        && *touches == b.touches
        && *attempts == b.attempts
}

fn target(id: Option<&ArmId>, unit: &Unit) -> StepTarget {
    match (id, &unit.id) {
        (Some(id), _) | (None, Term::Known(id)) => StepTarget::Known(id.clone()),
        (None, Term::Open(residual)) => StepTarget::Open(residual.clone()),
    }
}

/// A PUT before its patience is known.
struct Put<'a> {
    subject: Subject<'a>,
    id: Option<&'a ArmId>,
    body: Body<Draft>,
    query: Option<Query>,
    finds: Finds,
    record: Box<UnitRecord>,
}

impl Put<'_> {
    fn within(self, patience: Option<Duration>) -> Operation {
        let Subject {
            declaration,
            unit,
            thing,
        } = self.subject;
        let mut body = self.body;
        if thing.carries_tags() && self.finds == Finds::Nothing {
            // Whose state it is is only known when it is sent; by both a lost state finds again what it made.
            body.set(&["tags", TAG_UNIT], Body::text(unit.address.to_string()));
        }
        Operation {
            op: Op::Put {
                target: target(self.id, unit),
                body,
                brings: kind::brings(declaration.kind.schema()),
                query: self.query,
                finds: self.finds,
            },
            scopes: unit.scopes.iter().cloned().collect(),
            patience: Some(patience.unwrap_or(thing.patience)),
            then: Remember::Record(self.record),
        }
    }
}

fn work(unit: &Unit, change: Option<Change>, ops: Vec<Operation>) -> Work {
    Work {
        touches: unit.touches.iter().map(|touch| touch.id.clone()).collect(),
        ..Work::new(&unit.address, change, ops, Direction::Up)
    }
}

fn note(unit: &Unit, change: Option<Change>, then: Remember) -> Work {
    let operation = Operation {
        op: Op::Note,
        scopes: BTreeSet::new(),
        patience: None,
        then,
    };
    work(unit, change, vec![operation])
}

fn create(inputs: &Inputs<'_>, subject: Subject<'_>, id: Option<&ArmId>, reason: Reason) -> Work {
    let Subject {
        declaration,
        unit,
        thing,
    } = subject;
    let fields = thing.fields.iter().filter_map(|field| {
        let after = shown(unit.body.get(field.path)?);
        Some(FieldChange {
            attribute: field.attribute.into(),
            before: None,
            after: Some(after),
            forces_replacement: false,
        })
    });
    let change = Change {
        unit: unit.address.clone(),
        id: id.cloned(),
        action: Action::Create,
        reason,
        fields: fields.collect(),
        notes: Vec::new(),
    };
    let put = Put {
        subject,
        id,
        body: unit.body.clone(),
        query: None,
        finds: Finds::Nothing,
        record: Box::new(record(inputs, subject, id, Origin::Created)),
    };
    let put = put.within(declaration.meta.timeouts.create);
    work(unit, Some(change), vec![put])
}

/// An object that is there and differs from its declaration.
struct Differing<'a> {
    subject: Subject<'a>,
    id: &'a ArmId,
    object: &'a Json,
    fields: Vec<FieldChange>,
    maker: Maker,
    /// What is wrong with it beside its fields.
    ailment: Option<String>,
}

impl Differing<'_> {
    fn change(&self, action: Action, reason: Reason) -> Option<Change> {
        let beside = self.ailment.iter().filter(|_| !matches!(reason, Reason::Repair(_)));
        let notes = beside.cloned().collect();
        Some(Change {
            unit: self.subject.unit.address.clone(),
            id: Some(self.id.clone()),
            action,
            reason,
            fields: self.fields.clone(),
            notes,
        })
    }

    fn put(&self, query: Option<Query>, finds: Finds, record: Box<UnitRecord>) -> Put<'_> {
        Put {
            subject: self.subject,
            id: Some(self.id),
            body: preserving(self.subject, self.object, self.maker),
            query,
            finds,
            record,
        }
    }

    fn update(&self, reason: Reason, record: Box<UnitRecord>) -> Work {
        let Subject {
            declaration,
            unit,
            thing,
        } = self.subject;
        let query = behind(thing, self.object).map(|behind| behind.query);
        // What somebody is deleting is there, or is not.
        let finds = match Condition::of(self.object) {
            Condition::Changing(state) if state.eq_ignore_ascii_case("deleting") => Finds::Anything,
            Condition::Changing(_) | Condition::Settled | Condition::Failed(_) => Finds::seen(thing, self.object),
        };
        let put = self.put(query, finds, record).within(declaration.meta.timeouts.update);
        work(unit, self.change(Action::Update, reason), vec![put])
    }

    fn replace(&self, reason: Reason, record: Box<UnitRecord>) -> Work {
        let Subject {
            declaration,
            unit,
            thing,
        } = self.subject;
        let timeouts = declaration.meta.timeouts;
        let delete = Operation {
            op: Op::Delete {
                target: StepTarget::Known(self.id.clone()),
                finds: Finds::seen(thing, self.object).and_still(thing.dead.filter(|dead| is_dead(dead, self.object))),
            },
            scopes: unit.scopes.iter().cloned().collect(),
            patience: Some(timeouts.delete.unwrap_or(DELETE_PATIENCE)),
            then: Remember::Unchanged,
        };
        let put = self.put(None, Finds::Nothing, record).within(timeouts.create);
        let mut work = work(unit, self.change(Action::Replace, reason), vec![put]);
        work.removals = vec![delete];
        work.left = work.touches.clone();
        work
    }
}

/// The declared body, with the members of others that a PUT would otherwise remove, and with fields that are left to others
/// as they are.
fn preserving(subject: Subject<'_>, object: &Json, maker: Maker) -> Body<Draft> {
    let Subject {
        declaration,
        unit,
        thing,
    } = subject;
    let mut body = unit.body.clone();
    for field in thing
        .fields
        .iter()
        .filter(|field| is_ignored(declaration, field, maker))
    {
        match member(object, field.path) {
            Some(theirs) => body.set(field.path, Body::from_json(theirs)),
            None => body.unset(field.path),
        }
    }
    for path in thing.preserve {
        let Some(theirs) = member(object, path) else { continue };
        let merged = match (Body::from_json(theirs), body.get(path)) {
            (Body::Object(theirs), Some(Body::Object(ours))) => {
                let is_ours = |key: &str| ours.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
                let theirs = theirs.into_iter().filter(|(key, _)| !is_ours(key));
                let ours = ours.iter().map(|(key, value)| (key.clone(), value.clone()));
                Body::Object(theirs.chain(ours).collect())
            }
            (theirs, None) => theirs,
            (_, Some(ours)) => ours.clone(),
        };
        body.set(path, merged);
    }
    body
}
