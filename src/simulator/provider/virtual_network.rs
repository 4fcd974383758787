//! Virtual networks, and what all writes within one have in common: one lock, one etag. Never a peering's state.

use serde_json::{Map, Value, json};

use super::{accepted_body, enveloped, missing, new_id, properties_of, subnet, visible};
use crate::simulator::arm_type::ArmType;
use crate::simulator::fault::ANOTHER_OPERATION;
use crate::simulator::message::Response;
use crate::simulator::operation::{Announce, Begun, Effect, Family, Plan, announced};
use crate::simulator::options::NetworkConflicts;
use crate::simulator::path::Key;
use crate::simulator::prefix::Prefix;
use crate::simulator::refusal::Refusal;
use crate::simulator::region;
use crate::simulator::store::{Object, text, texts};
use crate::simulator::world::{Answer, Call, World};

/// A subnet that is to be: its id and its `properties`.
pub(super) type Planned = (String, Map<String, Value>);

/// How long clients are told to wait between polls.
const RETRY_AFTER: u64 = 10;

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let body = accepted_body(world, call)?;
    if world.busy.contains_key(&call.key) {
        return turn_down(world, call);
    }
    let mut properties = properties_of(&body);
    let inline = properties.remove("subnets");
    let space = address_space(&Value::Object(properties.clone()))?;
    let existing = world.store.get(&call.key).cloned();
    let id = existing
        .as_ref()
        .map_or_else(|| new_id(world, call), |object| object.id.clone());
    let subnets = match &inline {
        Some(inline) => inline_subnets(&id, inline)?,
        None => kept_subnets(world, &call.key),
    };
    subnets_fit(&call.key, &space, &subnets)?;
    for (_, properties) in &subnets {
        subnet::references_exist(world, properties)?;
    }
    if existing.is_some() {
        let kept: Vec<&str> = subnets.iter().map(|(id, _)| id.as_str()).collect();
        nothing_in_use_goes(world, &call.key, &kept)?;
        peers_allow(world, &call.key, &space)?;
    }
    complete(&mut properties, existing.as_ref(), world);
    let mut whole = enveloped(&id, ArmType::VirtualNetwork, &body);
    if let Some(location) = body.get("location").and_then(Value::as_str) {
        whole.insert("location".to_owned(), json!(region::plain(location)));
    }
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, ArmType::VirtualNetwork, whole);
    object.etag = existing.as_ref().and_then(|existing| existing.etag);
    let moved = existing
        .as_ref()
        .is_some_and(|existing| existing.prefixes() != object.prefixes());
    hide(world, call, &mut object);
    world.store.put(object);
    if inline.is_some() {
        replace_subnets(world, &call.key, subnets);
    }
    if moved {
        super::peering::address_space_changed(world, &call.key);
    }
    Ok(begun_write(
        world,
        call,
        call.key.clone(),
        Before::of(existing.is_some()),
    ))
}

/// Whether a PUT made something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Absent,
    Present,
}

impl Before {
    pub(super) fn of(was_there: bool) -> Self {
        if was_there { Self::Present } else { Self::Absent }
    }

    /// The status of the reply.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Absent => 201,
            Self::Present => 200,
        }
    }
}

/// Marks an object as not found by readers for a while, where a fault says so.
pub(super) fn hide(world: &World, call: &Call<'_>, object: &mut Object) {
    if let Some(hidden) = call.mishaps.hidden.filter(|_| !world.store.contains(&call.key)) {
        object.hidden_until = Some(crate::simulator::clock::later(world.now, hidden));
    }
}

/// Begins the operation of a write within a network and answers with the object as it now is.
pub(super) fn begun_write(world: &mut World, call: &Call<'_>, network: Key, before: Before) -> Response {
    bump(world, &network);
    let takes = world.takes(|latencies| latencies.network);
    let location = location_of(world, &network);
    let begun = world.begin(Plan {
        family: Family::Network,
        effect: Effect::Settle(call.key.clone()),
        lock: Some(network),
        subject: call.key.clone(),
        location,
        takes,
        mishap: call.mishaps.operation.clone(),
    });
    let response = Response::bytes(before.status(), world.store.view(&call.key).to_vec());
    match begun {
        // The body says `Succeeded` already: there is nothing to poll.
        Begun::Done(_) if call.mishaps.operation.is_none() => response,
        begun => announced(world, call, response, begun, Announce::StatusOnly, RETRY_AFTER),
    }
}

/// Begins the operation of a delete within a network.
pub(super) fn begun_delete(world: &mut World, call: &Call<'_>, network: Key) -> Response {
    let takes = world.takes(|latencies| latencies.network);
    let location = location_of(world, &network);
    world.store.edit(&call.key, |properties| {
        properties.insert("provisioningState".to_owned(), json!("Deleting"));
    });
    let begun = world.begin(Plan {
        family: Family::Network,
        effect: Effect::Remove(call.key.clone()),
        lock: Some(network),
        subject: call.key.clone(),
        location,
        takes,
        mishap: call.mishaps.operation.clone(),
    });
    match begun {
        Begun::Done(_) if call.mishaps.operation.is_none() => Response::empty(200),
        // The network provider gives only the result's URL for a delete (contract 2.5).
        begun => announced(
            world,
            call,
            Response::empty(202),
            begun,
            Announce::ResultOnly,
            RETRY_AFTER,
        ),
    }
}

/// The answer to a write that overlaps another one within the same network.
pub(super) fn turn_down(world: &mut World, call: &Call<'_>) -> Answer {
    let refusal = Refusal::new(429, "AnotherOperationInProgress", ANOTHER_OPERATION).retry_after(RETRY_AFTER);
    match world.options.network_conflicts {
        NetworkConflicts::Refused => Err(refusal),
        NetworkConflicts::FailLater => {
            let takes = world.takes(|latencies| latencies.network);
            let begun = world.begin(Plan {
                family: Family::Network,
                effect: Effect::Nothing,
                lock: None,
                subject: call.key.clone(),
                location: "eastus".to_owned(),
                takes,
                mishap: Some(refusal),
            });
            let existed = world.store.contains(&call.key);
            let body = if existed {
                world.store.view(&call.key).to_vec()
            } else {
                call.request.body.clone()
            };
            let response = Response::bytes(if existed { 200 } else { 201 }, body);
            Ok(announced(
                world,
                call,
                response,
                begun,
                Announce::StatusOnly,
                RETRY_AFTER,
            ))
        }
    }
}

pub(super) fn location_of(world: &World, key: &Key) -> String {
    let envelope = world
        .store
        .get(key)
        .map(|object| object.body.envelope())
        .unwrap_or_default();
    envelope
        .get("location")
        .and_then(Value::as_str)
        .unwrap_or("eastus")
        .to_owned()
}

/// A new etag: for the network and, with it, for all that lies in it.
pub(crate) fn bump(world: &mut World, network: &Key) {
    let etag = world.chance.guid();
    world.store.set_etag(network, etag);
}

pub(super) fn bump_parent(world: &mut World, child: &Key) {
    if let Some(network) = child.parent() {
        bump(world, &network);
    }
}

/// A PATCH that changes nothing but tags.
pub(super) fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let sent = accepted_body(world, call)?;
    if let Some(object) = world.store.get(&call.key).cloned() {
        let mut whole = object.body.whole();
        if let Some(tags) = sent.get("tags") {
            whole.insert("tags".to_owned(), tags.clone());
        }
        let mut changed = Object::new(&object.id, object.arm_type, whole);
        changed.etag = object.etag;
        world.store.put(changed);
    }
    Ok(Response::bytes(200, world.store.view(&call.key).to_vec()))
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    if world.busy.contains_key(&call.key) {
        return turn_down(world, call);
    }
    nothing_in_use_goes(world, &call.key, &[])?;
    Ok(begun_delete(world, call, call.key.clone()))
}

fn address_space(properties: &Value) -> Result<Vec<Prefix>, Refusal> {
    texts(properties, "/addressSpace/addressPrefixes")
        .map(|prefix| {
            Prefix::parse(prefix).filter(|_| prefix.contains('/')).ok_or_else(|| {
                Refusal::bad_request(
                    "InvalidAddressPrefixFormat",
                    format!("Address prefix {prefix} is not valid."),
                )
            })
        })
        .collect()
}

fn inline_subnets(network: &str, inline: &Value) -> Result<Vec<Planned>, Refusal> {
    let mut subnets: Vec<Planned> = Vec::new();
    for each in inline.as_array().into_iter().flatten() {
        let name = text(each, "/name").unwrap_or_default();
        let id = format!("{network}/subnets/{name}");
        if subnets.iter().any(|(other, _)| other.eq_ignore_ascii_case(&id)) {
            let message = format!("Subnet name {name} is used more than once.");
            return Err(Refusal::bad_request("DuplicateResourceName", message));
        }
        let properties = each
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        subnets.push((id, properties));
    }
    Ok(subnets)
}

fn kept_subnets(world: &World, network: &Key) -> Vec<Planned> {
    let keys = world.store.children(network, ArmType::Subnet.segment());
    keys.filter_map(|key| world.store.get(key))
        .map(|subnet| (subnet.id.clone(), subnet.body.properties()))
        .collect()
}

/// Every subnet lies within the address space, and no two overlap.
pub(super) fn subnets_fit(network: &Key, space: &[Prefix], subnets: &[Planned]) -> Result<(), Refusal> {
    let mut taken: Vec<(&str, Prefix)> = Vec::new();
    for (id, properties) in subnets {
        let prefixes = subnet::prefixes(&Value::Object(properties.clone()))?;
        for prefix in prefixes {
            if !space.iter().any(|whole| whole.contains(&prefix)) {
                let message = format!(
                    "Subnet '{id}' is not valid because its range is outside the range of virtual network '{network}'."
                );
                return Err(Refusal::bad_request("NetcfgInvalidSubnet", message));
            }
            if let Some((other, _)) = taken
                .iter()
                .find(|(other, range)| *other != id && range.overlaps(&prefix))
            {
                let message =
                    format!("Subnet '{id}' is not valid because its IP address range overlaps with that of '{other}'.");
                return Err(Refusal::bad_request("NetcfgSubnetRangesOverlap", message));
            }
            taken.push((id, prefix));
        }
    }
    Ok(())
}

/// Subnets that are not kept must not be in use.
fn nothing_in_use_goes(world: &World, network: &Key, kept: &[&str]) -> Result<(), Refusal> {
    for key in world.store.children(network, ArmType::Subnet.segment()) {
        let stays = kept.iter().any(|id| id.eq_ignore_ascii_case(key.as_str()));
        if !stays {
            subnet::not_in_use(world, key)?;
        }
    }
    Ok(())
}

/// A new address space must not overlap those of the peers.
fn peers_allow(world: &World, network: &Key, space: &[Prefix]) -> Result<(), Refusal> {
    for peering in world.store.children(network, ArmType::Peering.segment()) {
        let remote = world.store.get(peering).and_then(|peering| peering.refers_to().first());
        let Some(remote) = remote.and_then(|remote| world.store.get(remote)) else {
            continue;
        };
        if remote
            .prefixes()
            .iter()
            .any(|theirs| space.iter().any(|ours| ours.overlaps(theirs)))
        {
            let message = format!(
                "The address space of '{network}' would overlap with that of the peered virtual network '{}'.",
                remote.id
            );
            return Err(Refusal::bad_request("VnetAddressSpacesOverlap", message));
        }
    }
    Ok(())
}

fn replace_subnets(world: &mut World, network: &Key, subnets: Vec<Planned>) {
    let old: Vec<Key> = world
        .store
        .children(network, ArmType::Subnet.segment())
        .cloned()
        .collect();
    for key in old
        .iter()
        .filter(|key| !subnets.iter().any(|(id, _)| id.eq_ignore_ascii_case(key.as_str())))
    {
        world.store.remove(key);
    }
    for (id, properties) in subnets {
        let id = world.store.get(&Key::of(&id)).map_or(id, |subnet| subnet.id.clone());
        let body = subnet::completed(&id, properties, "Succeeded");
        world.store.put(Object::new(&id, ArmType::Subnet, body));
    }
}

fn complete(properties: &mut Map<String, Value>, existing: Option<&Object>, world: &mut World) {
    let before = existing.map(|object| object.body.properties()).unwrap_or_default();
    if let Some(guid) = before.get("resourceGuid") {
        properties.insert("resourceGuid".to_owned(), guid.clone());
    }
    filled(world, properties);
    properties.insert("provisioningState".to_owned(), json!("Updating"));
}

/// What the service fills in.
pub(crate) fn filled(world: &mut World, properties: &mut Map<String, Value>) {
    properties
        .entry("resourceGuid")
        .or_insert_with(|| json!(world.chance.guid()));
    properties.entry("provisioningState").or_insert(json!("Succeeded"));
    properties.remove("enableVmProtection");
    properties.entry("enableDdosProtection").or_insert(json!(false));
    properties
        .entry("privateEndpointVNetPolicies")
        .or_insert(json!("Disabled"));
}

/// The 404 of a child's network, or the network's key.
pub(super) fn parent_network(world: &World, call: &Call<'_>) -> Result<Key, Refusal> {
    call.key
        .parent()
        .filter(|network| world.store.contains(network))
        .ok_or_else(|| missing(world, call))
}
