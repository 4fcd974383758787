//! Private DNS zones and their links to networks (contract 8). Never the records in them, which are only read.

use serde_json::{Map, Value, json};

use super::virtual_network::hide;
use super::{accepted_body, enveloped, missing, new_id, properties_of, subnet, visible};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::operation::{Announce, Begun, Effect, Family, Plan, announced};
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text};
use crate::simulator::world::{Answer, Call, World};

/// How long clients are told to wait between polls; published samples say a minute.
const RETRY_AFTER: u64 = 60;

pub(super) fn put_zone(world: &mut World, call: &Call<'_>) -> Answer {
    preconditions(world, call)?;
    let body = accepted_body(world, call)?;
    put(world, call, &body, Map::new())
}

pub(super) fn put_link(world: &mut World, call: &Call<'_>) -> Answer {
    let Some(zone) = call.key.parent().filter(|zone| is_settled(world, zone)) else {
        let names = call.target.names.first().map(String::as_str).unwrap_or_default();
        return Err(Refusal::parent_not_found(names));
    };
    preconditions(world, call)?;
    let body = accepted_body(world, call)?;
    let mut properties = properties_of(&body);
    let network = text(&Value::Object(properties.clone()), "/virtualNetwork/id")
        .unwrap_or_default()
        .to_owned();
    let Some(linked) = world.store.get(&Key::of(&network)) else {
        return Err(subnet::unknown_reference(&network));
    };
    let network = linked.id.clone();
    one_link_per_name(world, call, &zone, &Key::of(&network))?;
    if properties.get("resolutionPolicy") == Some(&json!("NxDomainRedirect"))
        && !last_segment(zone.as_str()).starts_with("privatelink.")
    {
        let message = "Resolution policy NxDomainRedirect is only allowed on privatelink zones.";
        return Err(Refusal::bad_request("BadRequest", message));
    }
    properties.entry("registrationEnabled").or_insert(json!(false));
    properties.insert("virtualNetwork".to_owned(), json!({ "id": network }));
    properties.insert("virtualNetworkLinkState".to_owned(), json!("InProgress"));
    put(world, call, &body, properties)
}

fn put(world: &mut World, call: &Call<'_>, sent: &Map<String, Value>, mut properties: Map<String, Value>) -> Answer {
    let existing = world.store.get(&call.key).cloned();
    let id = existing
        .as_ref()
        .map_or_else(|| new_id(world, call), |object| object.id.clone());
    let mut whole = enveloped(&id, call.arm_type, sent);
    whole.insert("etag".to_owned(), json!(world.chance.guid()));
    let state = if existing.is_some() { "Updating" } else { "Creating" };
    properties.insert("provisioningState".to_owned(), json!(state));
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, call.arm_type, whole);
    hide(world, call, &mut object);
    world.store.put(object);
    let begun = begin(world, call, Effect::Settle(call.key.clone()));
    let status = if existing.is_some() { 200 } else { 201 };
    match begun {
        Begun::Done(_) if call.mishaps.operation.is_none() => {
            Ok(Response::bytes(status, world.store.view(&call.key).to_vec()))
        }
        begun => Ok(announced(
            world,
            call,
            Response::empty(202),
            begun,
            Announce::Both,
            RETRY_AFTER,
        )),
    }
}

fn begin(world: &mut World, call: &Call<'_>, effect: Effect) -> Begun {
    let takes = world.takes(|latencies| latencies.dns);
    world.begin(Plan {
        family: Family::PrivateDns,
        effect,
        lock: None,
        subject: call.key.clone(),
        location: "global".to_owned(),
        takes,
        mishap: call.mishaps.operation.clone(),
    })
}

/// Tags, and what a link lets be changed.
pub(super) fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    preconditions(world, call)?;
    let sent = accepted_body(world, call)?;
    let Some(existing) = world.store.get(&call.key).cloned() else {
        return Err(missing(world, call));
    };
    let mut whole = existing.body.whole();
    if let Some(tags) = sent.get("tags") {
        whole.insert("tags".to_owned(), tags.clone());
    }
    whole.insert("etag".to_owned(), json!(world.chance.guid()));
    if let Some(properties) = whole.get_mut("properties").and_then(Value::as_object_mut) {
        properties.extend(properties_of(&sent));
    }
    world.store.put(Object::new(&existing.id, existing.arm_type, whole));
    Ok(Response::bytes(200, world.store.view(&call.key).to_vec()))
}

pub(super) fn delete_zone(world: &mut World, call: &Call<'_>) -> Answer {
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    preconditions(world, call)?;
    let first = world
        .store
        .children(&call.key, ArmType::VirtualNetworkLink.segment())
        .next();
    if let Some(link) = first.and_then(|link| world.store.get(link)) {
        let message = format!(
            "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '{}'. Please delete all nested resources before deleting this resource.",
            link.id
        );
        return Err(Refusal::conflict("CannotDeleteResource", message));
    }
    let user = world.store.referrers(&call.key).find(|user| {
        world
            .store
            .get(user)
            .is_some_and(|object| object.arm_type == ArmType::FlexibleServer)
    });
    if let Some(user) = user {
        let message = format!("The zone is in use by {user} and cannot be deleted.");
        return Err(Refusal::conflict("PrivateDnsZoneInUse", message));
    }
    remove(world, call)
}

pub(super) fn delete_link(world: &mut World, call: &Call<'_>) -> Answer {
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    preconditions(world, call)?;
    remove(world, call)
}

fn remove(world: &mut World, call: &Call<'_>) -> Answer {
    let begun = begin(world, call, Effect::Remove(call.key.clone()));
    match begun {
        Begun::Done(_) if call.mishaps.operation.is_none() => Ok(Response::empty(200)),
        begun => Ok(announced(
            world,
            call,
            Response::empty(202),
            begun,
            Announce::Both,
            RETRY_AFTER,
        )),
    }
}

/// `If-Match` and `If-None-Match` (contract 2.8).
fn preconditions(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let existing = world.store.get(&call.key);
    let etag = existing.and_then(|object| {
        object
            .body
            .envelope()
            .get("etag")
            .and_then(Value::as_str)
            .map(str::to_owned)
    });
    let plain = |text: &str| text.trim_matches('"').to_owned();
    let failed = |message: String| Err(Refusal::new(412, "PreconditionFailed", message));
    if call
        .request
        .header("if-none-match")
        .is_some_and(|value| plain(value) == "*")
        && existing.is_some()
    {
        return failed(format!(
            "The Zone or link {} exists already and hence cannot be created again.",
            call.target.name()
        ));
    }
    match call.request.header("if-match").map(plain) {
        Some(wanted) if wanted != "*" && etag.as_deref() != Some(wanted.as_str()) => failed(format!(
            "The etag '{wanted}' does not match that of {}.",
            call.target.name()
        )),
        Some(wanted) if wanted == "*" && existing.is_none() => {
            failed(format!("{} does not exist.", call.target.name()))
        }
        Some(_) | None => Ok(()),
    }
}

/// A network links to a zone once, and to no second zone of the same name.
fn one_link_per_name(world: &World, call: &Call<'_>, zone: &Key, network: &Key) -> Result<(), Refusal> {
    let name = last_segment(zone.as_str());
    for key in world.store.referrers(network).filter(|key| **key != call.key) {
        let is_link = world
            .store
            .get(key)
            .is_some_and(|object| object.arm_type == ArmType::VirtualNetworkLink);
        let Some(other) = key.parent().filter(|_| is_link) else {
            continue;
        };
        if other == *zone {
            let message = format!(
                "A virtual network link with a different name ({}) already exists for the virtual network in this zone.",
                last_segment(key.as_str())
            );
            return Err(Refusal::conflict("Conflict", message));
        }
        if last_segment(other.as_str()) == name {
            let message = format!(
                "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to link virtual network with '{name}' and '{name}' zones."
            );
            return Err(Refusal::bad_request("BadRequest", message));
        }
    }
    Ok(())
}

/// A zone that is still being created has no children yet.
fn is_settled(world: &World, zone: &Key) -> bool {
    let state = world.properties(zone);
    world.store.contains(zone) && text(&state, "/provisioningState") != Some("Creating")
}

/// Whether a network resolves the names of a zone.
pub(crate) fn is_linked(world: &World, zone: &Key, network: &Key) -> bool {
    world.store.referrers_below(network, zone).any(|key| {
        let properties = world.properties(key);
        text(&properties, "/virtualNetworkLinkState").is_none_or(|state| state == "Completed")
    })
}
