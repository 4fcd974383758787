//! N004: a security group has one rule of a priority for each direction. Rules that pgferry takes away make room; all others
//! are in the way. What was not looked at is not judged.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value as Json;

use crate::arm::ArmId;
use crate::diagnostic::Severity;
use crate::diagnostic::code::TAKEN_PRIORITY;
use crate::kind::{Unit, member, security_rule};
use crate::plan::{Finding, Inputs};
use crate::prior::Origin;

/// Where a rule stands: how its direction is called, and its priority.
type Place = (String, u64);

/// Runs the rule.
pub(super) fn run(inputs: &Inputs<'_>) -> Vec<Finding> {
    let rules = inputs
        .graph
        .iter()
        .filter(|declaration| declaration.kind.schema().kind == security_rule::NAME);
    let rules: Vec<(&Unit, &ArmId)> = rules
        .flat_map(|declaration| declaration.units())
        .filter_map(|unit| Some((unit, unit.id.known()?)))
        .collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let mut taken = standing(inputs, &rules);
    let mut found = Vec::new();
    for (unit, id) in rules {
        let (Some(place), Some(group)) = (place(&unit.body.to_shown()), id.parent()) else {
            continue;
        };
        match taken.entry((group, place)) {
            Entry::Occupied(other) => found.push(finding(unit, &other.key().1, other.get())),
            Entry::Vacant(free) => {
                free.insert(unit.address.resource.to_string());
            }
        }
    }
    found
}

/// The places of rules that stay as they are, with what to call each: what is declared is looked at by itself, and what we made
/// leaves.
fn standing(inputs: &Inputs<'_>, rules: &[(&Unit, &ArmId)]) -> HashMap<(ArmId, Place), String> {
    let ours = inputs.prior.iter().map(|(_, remembered)| &remembered.record);
    let ours = ours.filter(|record| record.origin == Origin::Created);
    let moving: HashSet<&ArmId> = ours
        .filter_map(|record| record.id.as_ref())
        .chain(rules.iter().map(|(_, id)| *id))
        .collect();
    let collections: BTreeSet<_> = rules.iter().filter_map(|(_, id)| id.collection()).collect();
    let others = collections
        .iter()
        .flat_map(|collection| inputs.observed.members(collection))
        .filter(|other| !moving.contains(other));
    others
        .filter_map(|other| {
            let place = place(inputs.observed.object(other)?)?;
            let name = format!("`{}`, which is there already", other.name());
            Some(((other.parent()?, place), name))
        })
        .collect()
}

fn place(rule: &Json) -> Option<Place> {
    let direction = member(rule, security_rule::DIRECTION)?.as_str()?;
    let priority = member(rule, security_rule::PRIORITY)?.as_u64()?;
    Some((direction.to_ascii_lowercase(), priority))
}

fn finding(unit: &Unit, (direction, priority): &Place, other: &str) -> Finding {
    Finding {
        code: TAKEN_PRIORITY,
        severity: Severity::Error,
        summary: format!(
            "{} cannot have priority {priority}: it is that of {other}",
            unit.address.resource
        ),
        detail: Some(format!(
            "A group has one {direction} rule of each priority. Give this one a number that is free: a lower one to decide \
             before the other, a higher one to decide after it."
        )),
        remedy: None,
        address: Some(unit.address.resource.clone()),
    }
}
