//! Memory made anew from what Azure has, for a state that was lost: what carries tags tells by them which state made it, and what
//! carries none comes back as adopted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use super::batch::{TAG_LINEAGE, TAG_UNIT, tag};
use super::diff::{Subject, drifted, record, sibling};
use super::import;
use super::jobs;
use serde_json::Value as Json;

use crate::address::UnitAddress;
use crate::diagnostic::Diagnostics;
use crate::graph::Graph;
use crate::observed::{Observed, Presence};
use crate::plan::action::Shown;
use crate::prior::{Origin, Remembered, UnitRecord};

/// The lineages that tag what is declared: one, where one state alone has worked on it.
pub fn lineages(graph: &Graph, observed: &Observed) -> BTreeSet<String> {
    let migrations = graph.batches().flat_map(|(_, batch)| {
        let migrations = observed.migrations(&batch.target).iter();
        migrations.filter(move |migration| {
            let unit = tag(migration, TAG_UNIT).and_then(|text| text.parse::<UnitAddress>().ok());
            unit.is_some_and(|unit| unit.resource == batch.address)
        })
    });
    let of_migrations = migrations.filter_map(|migration| tag(migration, TAG_LINEAGE));
    let units = graph.iter().flat_map(|declaration| declaration.things());
    let of_objects = units.filter_map(|(unit, _)| {
        let object = observed.object(unit.id.known()?)?;
        let is_its = tag_of(object, TAG_UNIT)? == unit.address.to_string();
        tag_of(object, TAG_LINEAGE).filter(|_| is_its)
    });
    of_migrations.chain(of_objects).map(str::to_owned).collect()
}

/// A tag of an object; keys are case-insensitive.
fn tag_of<'a>(object: &'a Json, key: &str) -> Option<&'a str> {
    let tags = object.get("tags")?.as_object()?;
    let found = tags.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
    found.and_then(|(_, value)| value.as_str())
}

/// What should be remembered of what is declared. What is remembered in `inputs` besides its lineage is not looked at.
///
/// # Errors
/// When Azure does not let us see something that is declared: what is left out now would be made anew later.
pub fn rebuild(inputs: &Inputs<'_>) -> Result<BTreeMap<UnitAddress, UnitRecord>, Diagnostics> {
    let is_ours = |object: &Json| {
        let lineage = inputs.prior.lineage();
        lineage.is_some() && tag_of(object, TAG_LINEAGE) == lineage
    };
    let mut found = Diagnostics::default();
    let mut records: BTreeMap<UnitAddress, UnitRecord> = jobs::seen(inputs, &mut found).collect();
    for declaration in inputs.graph.iter() {
        for (unit, thing) in declaration.things() {
            let subject = Subject {
                declaration,
                unit,
                thing,
            };
            let Some(id) = unit.id.known() else { continue };
            let (id, object) = match inputs.observed.get(id) {
                Some(Presence::Present(object)) => (id.clone(), &**object),
                Some(Presence::Unreadable(reason)) => {
                    found.push(super::diff::unreadable(declaration, id, reason));
                    continue;
                }
                Some(Presence::Absent) | None => match sibling(inputs, subject, id) {
                    Some(other) => other,
                    None => continue,
                },
            };
            let origin = if import::names(inputs, unit, &id) {
                Origin::Imported
            } else if is_ours(object) {
                Origin::Created
            } else {
                Origin::Adopted
            };
            let declared = record(inputs, subject, Some(&id), origin);
            let mut remembered = Remembered {
                revision: 0,
                record: declared,
            };
            // What is there is what is remembered, so that the next plan shows how it differs from what is declared.
            for field in drifted(subject, object, &remembered).into_iter().flatten() {
                if let Some(Shown::Value(value)) = field.after {
                    remembered.record.fields.insert(field.attribute, value);
                }
            }
            records.insert(unit.address.clone(), remembered.record);
        }
    }
    match found.is_empty() {
        true => Ok(records),
        false => Err(found),
    }
}
