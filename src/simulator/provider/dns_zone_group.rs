//! Zone groups of private endpoints: they write the server's name into zones, and take it away again (contract 7.4). Never
//! zones themselves, nor records that somebody else wrote.

use serde_json::{Map, Value, json};

use super::virtual_network::{Before, begun_delete, begun_write, hide, turn_down};
use super::{accepted_body, enveloped, missing, new_id, private_endpoint, properties_of, subnet};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text};
use crate::simulator::world::{Answer, Call, World};

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let endpoint = parent_endpoint(world, call)?;
    let body = accepted_body(world, call)?;
    if world.busy.contains_key(&endpoint) {
        return turn_down(world, call);
    }
    if let Some(other) = world
        .store
        .children(&endpoint, ArmType::PrivateDnsZoneGroup.segment())
        .find(|key| **key != call.key)
    {
        let message = format!("Private endpoint {endpoint} has the private DNS zone group {other} already.");
        return Err(Refusal::bad_request("PrivateEndpointAlreadyHasDnsZoneGroup", message));
    }
    let mut properties = properties_of(&body);
    zones_exist(world, &properties)?;
    let existing = world.store.get(&call.key).cloned();
    if existing.is_some() {
        forget_records(world, &call.key);
    }
    let id = existing
        .as_ref()
        .map_or_else(|| new_id(world, call), |group| group.id.clone());
    properties.insert("provisioningState".to_owned(), json!("Updating"));
    let mut whole = enveloped(&id, ArmType::PrivateDnsZoneGroup, &body);
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, ArmType::PrivateDnsZoneGroup, whole);
    hide(world, call, &mut object);
    world.store.put(object);
    Ok(begun_write(world, call, endpoint, Before::of(existing.is_some())))
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let endpoint = parent_endpoint(world, call)?;
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    if world.busy.contains_key(&endpoint) {
        return turn_down(world, call);
    }
    Ok(begun_delete(world, call, endpoint))
}

fn parent_endpoint(world: &World, call: &Call<'_>) -> Result<Key, Refusal> {
    let endpoint = call.target.parent().map(|parent| parent.key());
    endpoint
        .filter(|endpoint| world.store.contains(endpoint))
        .ok_or_else(|| missing(world, call))
}

fn zones_exist(world: &World, properties: &Map<String, Value>) -> Result<(), Refusal> {
    let configs = properties.get("privateDnsZoneConfigs").and_then(Value::as_array);
    for config in configs.into_iter().flatten() {
        if text(config, "/name").is_none() {
            let message = "A private DNS zone config needs a name.";
            return Err(Refusal::bad_request("InvalidRequestFormat", message));
        }
        let id = text(config, "/properties/privateDnsZoneId").unwrap_or_default();
        if !world.store.contains(&Key::of(id)) {
            return Err(subnet::unknown_reference(id));
        }
    }
    Ok(())
}

/// The name under which an endpoint's server is found, and its address.
fn record_of(world: &World, group: &Key) -> Option<(String, String)> {
    let endpoint = group.parent()?;
    let server = world.store.get(&endpoint)?.refers_to().get(1)?;
    let address = private_endpoint::address_of(&world.properties(&endpoint))?;
    Some((last_segment(server.as_str()).to_owned(), address))
}

/// The group stands: each of its zones has the record.
pub(super) fn write_records(world: &mut World, group: &Key) {
    let Some((name, address)) = record_of(world, group) else {
        return;
    };
    let Some(zones) = world.store.get(group).map(|group| group.refers_to().to_vec()) else {
        return;
    };
    for zone in zones {
        let Some(zone_id) = world.store.get(&zone).map(|zone| zone.id.clone()) else {
            continue;
        };
        let id = format!("{zone_id}/A/{name}");
        let mut whole = enveloped(&id, ArmType::RecordSetA, &Map::new());
        let properties = json!({
            "ttl": 10,
            "fqdn": format!("{name}.{}.", last_segment(zone.as_str())),
            "aRecords": [{ "ipv4Address": address }],
            "isAutoRegistered": false,
            "metadata": { "creator": format!("created by private endpoint {group}") },
        });
        whole.insert("etag".to_owned(), json!(world.chance.guid()));
        whole.insert("properties".to_owned(), properties);
        world.store.put(Object::new(&id, ArmType::RecordSetA, whole));
    }
    let sets = json!([{ "recordType": "A", "recordSetName": name, "ttl": 10, "ipAddresses": [address] }]);
    world.store.edit(group, |properties| {
        let configs = properties
            .get_mut("privateDnsZoneConfigs")
            .and_then(Value::as_array_mut);
        for config in configs.into_iter().flatten() {
            if let Some(inner) = config.get_mut("properties").and_then(Value::as_object_mut) {
                inner.insert("recordSets".to_owned(), sets.clone());
            }
        }
    });
}

/// The group goes, and with it the records that it wrote.
pub(super) fn forget_records(world: &mut World, group: &Key) {
    let Some((name, _)) = record_of(world, group) else {
        return;
    };
    let zones = world.store.get(group).map(|group| group.refers_to().to_vec());
    for zone in zones.into_iter().flatten() {
        world.store.remove(&zone.join("A").join(&name));
    }
}
