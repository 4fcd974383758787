//! Security rules by their own URL: a PUT replaces the rule and leaves the others of its group alone (contract 7.3). Never the
//! group itself, which is only read.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::virtual_network::{Before, begun_delete, begun_write, hide, turn_down};
use super::{accepted_body, enveloped, missing, new_id, properties_of};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::prefix::Prefix;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text, texts};
use crate::simulator::world::{Answer, Call, World};

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let group = parent_group(world, call)?;
    let body = accepted_body(world, call)?;
    if world.busy.contains_key(&group) {
        return turn_down(world, call);
    }
    let mut properties = properties_of(&body);
    says_what_it_is_for(&Value::Object(properties.clone()), call.target.name())?;
    has_a_place_of_its_own(world, call, &group, &properties)?;
    let existed = world.store.contains(&call.key);
    let id = world
        .store
        .get(&call.key)
        .map_or_else(|| new_id(world, call), |rule| rule.id.clone());
    properties.insert("provisioningState".to_owned(), json!("Updating"));
    filled(&mut properties);
    let mut whole = enveloped(&id, ArmType::SecurityRule, &body);
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, ArmType::SecurityRule, whole);
    hide(world, call, &mut object);
    world.store.put(object);
    Ok(begun_write(world, call, group, Before::of(existed)))
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let group = parent_group(world, call)?;
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    if world.busy.contains_key(&group) {
        return turn_down(world, call);
    }
    Ok(begun_delete(world, call, group))
}

fn parent_group(world: &World, call: &Call<'_>) -> Result<Key, Refusal> {
    let group = call.target.parent().map(|parent| parent.key());
    group
        .filter(|group| world.store.contains(group))
        .ok_or_else(|| missing(world, call))
}

/// The places of a rule that are told by one text or by a list, and the code of a refusal.
const ENDS: [(&str, &str, &str); 4] = [
    ("sourcePortRange", "sourcePortRanges", "SecurityRuleInvalidPortRange"),
    (
        "destinationPortRange",
        "destinationPortRanges",
        "SecurityRuleInvalidPortRange",
    ),
    (
        "sourceAddressPrefix",
        "sourceAddressPrefixes",
        "SecurityRuleInvalidAddressPrefix",
    ),
    (
        "destinationAddressPrefix",
        "destinationAddressPrefixes",
        "SecurityRuleInvalidAddressPrefix",
    ),
];

/// What the service fills in: lists that are not used are empty.
pub(crate) fn filled(properties: &mut Map<String, Value>) {
    for (_, several, _) in ENDS {
        properties.entry(several).or_insert(json!([]));
    }
    properties.entry("provisioningState").or_insert(json!("Succeeded"));
}

/// Each end is told once: by one text, or by a list, in which `*` and service tags have no place.
fn says_what_it_is_for(properties: &Value, name: &str) -> Result<(), Refusal> {
    for (one, several, code) in ENDS {
        let list: Vec<&str> = texts(properties, &format!("/{several}")).collect();
        let ports = code == "SecurityRuleInvalidPortRange";
        let fits = |text: &str| if ports { is_port_range(text) } else { is_prefix(text) };
        match (text(properties, &format!("/{one}")), list.as_slice()) {
            (None, []) => {
                let message = format!("Required security rule parameter {one} is missing in security rule {name}.");
                return Err(Refusal::bad_request("SecurityRuleParameterNotSpecified", message));
            }
            (Some(_), [_, ..]) => {
                let message = format!("Security rule {name} may not have both {one} and {several}.");
                return Err(Refusal::bad_request("SecurityRuleParameterConflict", message));
            }
            (Some(text), []) => {
                let tag = !ports && text.starts_with(|c: char| c.is_ascii_alphabetic());
                if text != "*" && !tag && !fits(text) {
                    return Err(Refusal::bad_request(
                        code,
                        format!("Security rule {name} has the invalid {one} {text}."),
                    ));
                }
            }
            (None, list) => {
                if let Some(bad) = list.iter().find(|text| !fits(text)) {
                    return Err(Refusal::bad_request(
                        code,
                        format!("Security rule {name} has the invalid {several} {bad}."),
                    ));
                }
            }
        }
    }
    Ok(())
}

fn is_port_range(text: &str) -> bool {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if first <= last)
}

fn is_prefix(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || Prefix::parse(text).is_some()
}

/// A group has one rule of a priority for each direction.
fn has_a_place_of_its_own(
    world: &World,
    call: &Call<'_>,
    group: &Key,
    properties: &Map<String, Value>,
) -> Result<(), Refusal> {
    let place = |properties: &Map<String, Value>| {
        let direction = properties.get("direction").and_then(Value::as_str);
        let direction = direction.map(str::to_ascii_lowercase);
        (properties.get("priority").cloned(), direction)
    };
    let siblings = world.store.children(group, ArmType::SecurityRule.segment());
    for sibling in siblings.filter(|key| **key != call.key) {
        if place(
            &world
                .store
                .get(sibling)
                .map(|rule| rule.body.properties())
                .unwrap_or_default(),
        ) == place(properties)
        {
            let message = format!(
                "Security rule {} conflicts with rule {}. Rules cannot have the same Priority and Direction.",
                call.target.name(),
                last_segment(sibling.as_str())
            );
            return Err(Refusal::bad_request("SecurityRuleConflict", message));
        }
    }
    Ok(())
}
