//! Peerings: two one-way objects and the state between them (contract 7.2). Never the networks they join.

use serde_json::{Map, Value, json};

use super::virtual_network::{Before, begun_delete, begun_write, hide, parent_network, turn_down};
use super::{accepted_body, new_id, properties_of, subnet};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::prefix::Prefix;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text};
use crate::simulator::world::{Answer, Call, World};

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let network = parent_network(world, call)?;
    let body = accepted_body(world, call)?;
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    let mut properties = properties_of(&body);
    let sent = Value::Object(properties.clone());
    let remote = Key::of(text(&sent, "/remoteVirtualNetwork/id").unwrap_or_default());
    let existing = world.store.get(&call.key).cloned();
    may_join(world, &network, &remote, &call.key, existing.as_ref())?;
    gateways_allow(world, &network, &call.key, &properties)?;
    let id = existing
        .as_ref()
        .map_or_else(|| new_id(world, call), |object| object.id.clone());
    let before = existing
        .as_ref()
        .map(|object| object.body.properties())
        .unwrap_or_default();
    let sync = call
        .request
        .parameter("syncRemoteAddressSpace")
        .filter(|sync| sync.eq_ignore_ascii_case("true"))
        .map_or(Sync::Kept, |_| Sync::Renewed);
    complete(world, &network, &remote, &before, &mut properties, sync);
    let mut whole = Map::new();
    whole.insert("id".to_owned(), json!(id));
    whole.insert("name".to_owned(), json!(last_segment(&id)));
    whole.insert("type".to_owned(), json!(ArmType::Peering.name()));
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, ArmType::Peering, whole);
    hide(world, call, &mut object);
    world.store.put(object);
    Ok(begun_write(world, call, network, Before::of(existing.is_some())))
}

/// What becomes of the remote address space that a peering knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Kept,
    Renewed,
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let network = parent_network(world, call)?;
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    Ok(begun_delete(world, call, network))
}

/// Every reason why two networks cannot be joined.
fn may_join(world: &World, local: &Key, remote: &Key, own: &Key, existing: Option<&Object>) -> Result<(), Refusal> {
    if local == remote {
        let message = "A virtual network cannot be peered with itself.";
        return Err(Refusal::bad_request(
            "VirtualNetworkPeeringCannotReferenceItself",
            message,
        ));
    }
    let Some(other) = world.store.get(remote) else {
        return Err(subnet::unknown_reference(remote.as_str()));
    };
    if world.busy.contains_key(remote) {
        let message = format!(
            "Cannot proceed with operation because resource {} used by resource {own} is not in Succeeded state. Resource is in Updating state and the last operation that updated/is updating the resource is PutSubnetOperation.",
            other.id
        );
        return Err(Refusal::bad_request("ReferencedResourceNotProvisioned", message));
    }
    if state_of(existing) == Some("Disconnected".to_owned()) {
        let message = format!("Peering {own} is in Disconnected state. Delete it and create it again.");
        return Err(Refusal::bad_request("PeeringIsDisconnected", message));
    }
    for key in world
        .store
        .children(local, ArmType::Peering.segment())
        .filter(|key| *key != own)
    {
        let Some(sibling) = world.store.get(key) else { continue };
        if sibling.refers_to().first() == Some(remote) {
            let message = format!(
                "Cannot have more than one peering of a virtual network to the same remote virtual network; {key} exists."
            );
            return Err(Refusal::bad_request(
                "AnotherPeeringAlreadyReferencesRemoteVnet",
                message,
            ));
        }
    }
    if let Some(reverse) = reverse_of(world, local, remote)
        .filter(|reverse| state_of(world.store.get(reverse)) == Some("Disconnected".to_owned()))
    {
        let message = format!(
            "Cannot create or update peering {own} because remote peering {reverse} referencing parent virtual network is in Disconnected state."
        );
        return Err(Refusal::bad_request("RemotePeeringIsDisconnected", message));
    }
    disjoint(world, local, remote)
}

fn disjoint(world: &World, local: &Key, remote: &Key) -> Result<(), Refusal> {
    let space = |key: &Key| {
        world
            .store
            .get(key)
            .map(|network| network.prefixes().to_vec())
            .unwrap_or_default()
    };
    let (ours, theirs) = (space(local), space(remote));
    if overlap(&ours, &theirs) {
        let message = format!(
            "Cannot create or update peering. Virtual networks {local} and {remote} cannot be peered because their address spaces overlap."
        );
        return Err(Refusal::bad_request("VnetAddressSpacesOverlap", message));
    }
    for (one, other, new) in [(local, remote, &theirs), (remote, local, &ours)] {
        for key in world.store.children(one, ArmType::Peering.segment()) {
            let peer = world
                .store
                .get(key)
                .and_then(|peering| peering.refers_to().first())
                .filter(|peer| *peer != other);
            let Some(peer) = peer.and_then(|peer| world.store.get(peer)) else {
                continue;
            };
            if overlap(peer.prefixes(), new) {
                let message = format!(
                    "Cannot create or update peering. The address space of {other} overlaps with that of {}, which is already peered with {one}.",
                    peer.id
                );
                return Err(Refusal::bad_request(
                    "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
                    message,
                ));
            }
        }
    }
    Ok(())
}

fn overlap(one: &[Prefix], other: &[Prefix]) -> bool {
    one.iter().any(|a| other.iter().any(|b| a.overlaps(b)))
}

/// Only one peering of a network may use a remote gateway.
fn gateways_allow(world: &World, network: &Key, own: &Key, properties: &Map<String, Value>) -> Result<(), Refusal> {
    if !flag(properties, "useRemoteGateways") {
        return Ok(());
    }
    if flag(properties, "allowGatewayTransit") {
        let message = "AllowGatewayTransit and UseRemoteGateways flags cannot both be set on one peering.";
        return Err(Refusal::bad_request(
            "AllowGatewayTransitAndUseRemoteGatewaysConflict",
            message,
        ));
    }
    for key in world
        .store
        .children(network, ArmType::Peering.segment())
        .filter(|key| *key != own)
    {
        if world
            .store
            .get(key)
            .is_some_and(|sibling| flag(&sibling.body.properties(), "useRemoteGateways"))
        {
            let message = format!(
                "UseRemoteGateways is already set on {key}; only one peering of a virtual network can have it."
            );
            return Err(Refusal::bad_request(
                "UseRemoteGatewaysFlagSetOnMoreThanOnePeering",
                message,
            ));
        }
    }
    Ok(())
}

fn flag(properties: &Map<String, Value>, name: &str) -> bool {
    properties.get(name) == Some(&Value::Bool(true))
}

fn state_of(object: Option<&Object>) -> Option<String> {
    let properties = Value::Object(object?.body.properties());
    text(&properties, "/peeringState").map(str::to_owned)
}

/// The peering of the remote network that points back.
fn reverse_of(world: &World, local: &Key, remote: &Key) -> Option<Key> {
    let mut back = world.store.referrers_below(local, remote);
    back.find(|key| {
        world
            .store
            .get(key)
            .is_some_and(|object| object.arm_type == ArmType::Peering)
    })
    .cloned()
}

fn space_of(world: &World, network: &Key) -> Value {
    let properties = world.properties(network);
    properties
        .get("addressSpace")
        .cloned()
        .unwrap_or_else(|| json!({ "addressPrefixes": [] }))
}

/// What the service fills in; the address space that counts is the one of the last sync.
fn complete(
    world: &mut World,
    local: &Key,
    remote: &Key,
    before: &Map<String, Value>,
    properties: &mut Map<String, Value>,
    sync: Sync,
) {
    let (ours, theirs) = (space_of(world, local), space_of(world, remote));
    // What the peer has taken over of our space stands in its own peering; what we take over of its space is up to us.
    let reverse = reverse_of(world, local, remote)
        .map(|reverse| world.properties(&reverse))
        .unwrap_or_default();
    let taken = reverse
        .get("remoteAddressSpace")
        .or_else(|| before.get("localAddressSpace"));
    let known = before.get("remoteAddressSpace").filter(|_| sync == Sync::Kept);
    let peered = (taken.unwrap_or(&ours).clone(), known.unwrap_or(&theirs).clone());
    let sent = properties
        .get("remoteVirtualNetwork")
        .and_then(|network| text(network, "/id"))
        .unwrap_or_default();
    let id = world
        .store
        .get(remote)
        .map_or_else(|| sent.to_owned(), |remote| remote.id.clone());
    let defaults = [
        ("allowVirtualNetworkAccess", true),
        ("allowForwardedTraffic", false),
        ("allowGatewayTransit", false),
        ("useRemoteGateways", false),
        ("doNotVerifyRemoteGateways", false),
        ("peerCompleteVnets", true),
    ];
    for (name, default) in defaults {
        properties.entry(name).or_insert(json!(default));
    }
    let state = before
        .get("peeringState")
        .cloned()
        .unwrap_or_else(|| json!("Initiated"));
    let guid = before
        .get("resourceGuid")
        .cloned()
        .unwrap_or_else(|| json!(world.chance.guid()));
    let filled = [
        ("peeringSyncLevel", sync_level(&peered, &ours, &theirs)),
        ("remoteVirtualNetwork", json!({ "id": id })),
        ("localAddressSpace", peered.0),
        ("localVirtualNetworkAddressSpace", ours),
        ("remoteAddressSpace", peered.1),
        ("remoteVirtualNetworkAddressSpace", theirs),
        ("peeringState", state),
        ("resourceGuid", guid),
        ("provisioningState", json!("Updating")),
    ];
    properties.extend(filled.map(|(name, value)| (name.to_owned(), value)));
}

/// What this side sees of a peering is out of date when the remote address space moved since the last sync, and the
/// other side's view when the local one did.
fn sync_level((local, remote): &(Value, Value), local_now: &Value, remote_now: &Value) -> Value {
    json!(match (local == local_now, remote == remote_now) {
        (true, true) => "FullyInSync",
        (true, false) => "LocalNotInSync",
        (false, true) => "RemoteNotInSync",
        (false, false) => "LocalAndRemoteNotInSync",
    })
}

/// A peering as a seed names it: what it leaves out is filled in, and two that point at each other are connected.
pub(crate) fn grown(world: &mut World, key: &Key) {
    let Some(local) = key.parent() else { return };
    let Some(peering) = world.store.get(key) else { return };
    let Some(remote) = peering.refers_to().first().cloned() else {
        return;
    };
    let before = peering.body.properties();
    let (mut properties, given) = (before.clone(), before.contains_key("peeringState"));
    complete(world, &local, &remote, &before, &mut properties, Sync::Kept);
    properties.insert("provisioningState".to_owned(), json!("Succeeded"));
    world.store.set_properties(key, properties);
    if !given {
        connect(world, key);
    }
}

/// A peering's write is done: with its reverse in place both are connected, without it stays initiated.
pub(super) fn connect(world: &mut World, key: &Key) {
    let Some(local) = key.parent() else { return };
    let Some(remote) = world
        .store
        .get(key)
        .and_then(|object| object.refers_to().first().cloned())
    else {
        return;
    };
    let Some(reverse) = reverse_of(world, &local, &remote) else {
        return;
    };
    let ready = |key: &Key| {
        let properties = world.properties(key);
        text(&properties, "/provisioningState") == Some("Succeeded")
            && text(&properties, "/peeringState") != Some("Disconnected")
    };
    if ready(key) && ready(&reverse) {
        // Completing a sync on one side tells the other side that its own space has arrived.
        for side in [key, &reverse] {
            set(world, side, "peeringState", "Connected");
        }
        refresh_sync(world, &reverse, &remote, &local);
        super::virtual_network::bump(world, &remote);
    }
}

/// A peering goes: its reverse is disconnected.
pub(super) fn disconnect(world: &mut World, key: &Key) {
    let Some(local) = key.parent() else { return };
    let Some(remote) = world
        .store
        .get(key)
        .and_then(|object| object.refers_to().first().cloned())
    else {
        return;
    };
    if let Some(reverse) = reverse_of(world, &local, &remote) {
        set(world, &reverse, "peeringState", "Disconnected");
        super::virtual_network::bump(world, &remote);
    }
}

fn set(world: &mut World, key: &Key, name: &str, value: &str) {
    world.store.edit(key, |properties| {
        properties.insert(name.to_owned(), json!(value));
    });
}

/// The address space of a network changed: the peerings on both of its sides are out of sync.
pub(super) fn address_space_changed(world: &mut World, network: &Key) {
    let own: Vec<Key> = world
        .store
        .children(network, ArmType::Peering.segment())
        .cloned()
        .collect();
    let theirs: Vec<Key> = world.store.referrers(network).cloned().collect();
    for key in own.iter().chain(&theirs) {
        let Some(peering) = world
            .store
            .get(key)
            .filter(|object| object.arm_type == ArmType::Peering)
        else {
            continue;
        };
        let (Some(local), Some(remote)) = (key.parent(), peering.refers_to().first().cloned()) else {
            continue;
        };
        refresh_sync(world, key, &local, &remote);
    }
}

fn refresh_sync(world: &mut World, key: &Key, local: &Key, remote: &Key) {
    let (ours, theirs) = (space_of(world, local), space_of(world, remote));
    // What this side's peer has taken over of our space stands in the reverse peering.
    let reverse = reverse_of(world, local, remote)
        .map(|reverse| world.properties(&reverse))
        .unwrap_or_default();
    let taken = reverse.get("remoteAddressSpace").cloned();
    world.store.edit(key, |properties| {
        if let Some(taken) = taken {
            properties.insert("localAddressSpace".to_owned(), taken);
        }
        let peered = (
            properties.get("localAddressSpace").cloned().unwrap_or_default(),
            properties.get("remoteAddressSpace").cloned().unwrap_or_default(),
        );
        properties.insert("peeringSyncLevel".to_owned(), sync_level(&peered, &ours, &theirs));
        properties.insert("localVirtualNetworkAddressSpace".to_owned(), ours);
        properties.insert("remoteVirtualNetworkAddressSpace".to_owned(), theirs);
    });
}

/// Whether two networks reach each other: the same one, or peered both ways, connected, with access allowed.
pub(crate) fn joined(world: &World, one: &Key, other: &Key) -> bool {
    let way = |from: &Key, to: &Key| {
        let Some(key) = reverse_of(world, to, from) else {
            return false;
        };
        let properties = world.properties(&key);
        text(&properties, "/peeringState") == Some("Connected")
            && properties.get("allowVirtualNetworkAccess") != Some(&Value::Bool(false))
    };
    one == other || (way(one, other) && way(other, one))
}
