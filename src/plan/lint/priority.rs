//! N004: a security group has one rule of a priority for each direction. Rules that pgferry takes away make room; all others
//! are in the way. What was not looked at is not judged.

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
    let mut found = Vec::new();
    for (at, (unit, id)) in rules.iter().enumerate() {
        let Some(place) = place(&unit.body.to_shown()) else {
            continue;
        };
        let same_group = |other: &ArmId| other.parent() == id.parent() && other != *id;
        let declared = rules.iter().take(at).find(|(other, other_id)| {
            same_group(other_id) && self::place(&other.body.to_shown()).as_ref() == Some(&place)
        });
        let other = match declared {
            Some((other, _)) => Some(other.address.resource.to_string()),
            None => in_the_way(inputs, id, &place, &rules),
        };
        found.extend(other.map(|other| finding(unit, &place, &other)));
    }
    found
}

/// A rule of the group that stays and has the place already.
fn in_the_way(inputs: &Inputs<'_>, id: &ArmId, wanted: &Place, declared: &[(&Unit, &ArmId)]) -> Option<String> {
    let collection = id.collection()?;
    let mut others = inputs.observed.members(&collection);
    let other = others.find(|other| {
        let object = inputs.observed.object(other);
        let leaves = declared.iter().any(|(_, id)| id == other) || is_ours(inputs, other);
        !leaves && object.and_then(place).as_ref() == Some(wanted)
    })?;
    Some(format!("`{}`, which is there already", other.name()))
}

/// Whether we made an object, so that it goes once nothing declares it.
fn is_ours(inputs: &Inputs<'_>, id: &ArmId) -> bool {
    let mut records = inputs.prior.iter().map(|(_, remembered)| &remembered.record);
    records.any(|record| record.id.as_ref() == Some(id) && record.origin == Origin::Created)
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
