//! Private endpoints of servers: an address in a subnet, and the connection that the server shows (contract 7.4). Never the name
//! under which the address is found; that is for zone groups.

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::virtual_network::{Before, begun_delete, begun_write, hide, turn_down};
use super::{accepted_body, enveloped, flexible_server, new_id, properties_of, subnet};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::region;
use crate::simulator::store::{Object, text, texts};
use crate::simulator::world::{Answer, Call, World};

/// What an endpoint of a PostgreSQL server leads to.
const GROUP_ID: &str = "postgresqlServer";

/// How many addresses at the start of a subnet are the service's own.
const RESERVED: u32 = 4;

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let body = accepted_body(world, call)?;
    let mut properties = properties_of(&body);
    let subnet = text(&Value::Object(properties.clone()), "/subnet/id")
        .unwrap_or_default()
        .to_owned();
    let Some(network) = Key::of(&subnet)
        .parent()
        .filter(|_| world.store.contains(&Key::of(&subnet)))
    else {
        return Err(subnet::unknown_reference(&subnet));
    };
    let server = server_of(world, &properties)?;
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    let existing = world.store.get(&call.key).cloned();
    let before = existing.as_ref().map(|endpoint| endpoint.body.properties());
    if let Some(before) = &before {
        leads_where_it_did(before, &properties)?;
    }
    let id = existing
        .as_ref()
        .map_or_else(|| new_id(world, call), |endpoint| endpoint.id.clone());
    let address = before
        .as_ref()
        .and_then(|before| address_of(&Value::Object(before.clone())))
        .unwrap_or_else(|| free_address(world, &Key::of(&subnet)));
    filled(&id, &address, &server, &mut properties);
    properties.insert("provisioningState".to_owned(), json!("Updating"));
    let mut whole = enveloped(&id, ArmType::PrivateEndpoint, &body);
    if let Some(location) = body.get("location").and_then(Value::as_str) {
        whole.insert("location".to_owned(), json!(region::plain(location)));
    }
    whole.insert("etag".to_owned(), json!(format!("W/\"{}\"", world.chance.guid())));
    whole.insert("properties".to_owned(), Value::Object(properties));
    let mut object = Object::new(&id, ArmType::PrivateEndpoint, whole);
    hide(world, call, &mut object);
    world.store.put(object);
    Ok(begun_write(world, call, network, Before::of(existing.is_some())))
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let Some(endpoint) = world.store.get(&call.key) else {
        return Ok(Response::empty(204));
    };
    let network = endpoint
        .refers_to()
        .first()
        .and_then(Key::parent)
        .unwrap_or_else(|| call.key.clone());
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    Ok(begun_delete(world, call, network))
}

/// The server that an endpoint leads to: there, ready, and one that takes endpoints.
fn server_of(world: &World, properties: &Map<String, Value>) -> Result<Key, Refusal> {
    let connections = properties
        .get("privateLinkServiceConnections")
        .and_then(Value::as_array);
    let [connection] = connections.map(Vec::as_slice).unwrap_or_default() else {
        let message = "A private endpoint needs exactly one private link service connection.";
        return Err(Refusal::bad_request("InvalidRequestFormat", message));
    };
    let id = text(connection, "/properties/privateLinkServiceId").unwrap_or_default();
    let key = Key::of(id);
    let Some(server) = world.store.get(&key) else {
        return Err(subnet::unknown_reference(id));
    };
    let groups: Vec<&str> = texts(connection, "/properties/groupIds").collect();
    if groups != [GROUP_ID] {
        let message = format!(
            "The group ids {groups:?} are not those of {}: it has '{GROUP_ID}' alone.",
            server.id
        );
        return Err(Refusal::bad_request("InvalidPrivateLinkGroupId", message));
    }
    if text(&world.properties(&key), "/network/delegatedSubnetResourceId").is_some() {
        let message = "Private endpoint connections cannot be requested for a private access enabled server.";
        return Err(Refusal::bad_request("OperationNotAllowed", message));
    }
    flexible_server::ready(world, &key)?;
    Ok(key)
}

/// Where an endpoint leads cannot be changed.
fn leads_where_it_did(before: &Map<String, Value>, after: &Map<String, Value>) -> Result<(), Refusal> {
    let server = |properties: &Map<String, Value>| {
        let properties = Value::Object(properties.clone());
        text(
            &properties,
            "/privateLinkServiceConnections/0/properties/privateLinkServiceId",
        )
        .map(Key::of)
    };
    if server(before) == server(after) {
        return Ok(());
    }
    let message = "The private link service of a private endpoint cannot be changed once it exists.";
    Err(Refusal::conflict("PropertyChangeNotAllowed", message))
}

/// What the service fills in.
fn filled(id: &str, address: &str, server: &Key, properties: &mut Map<String, Value>) {
    let name = last_segment(id).to_owned();
    if let Some(connections) = properties
        .get_mut("privateLinkServiceConnections")
        .and_then(Value::as_array_mut)
    {
        for connection in connections.iter_mut().filter_map(Value::as_object_mut) {
            let own = connection
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or(&name)
                .to_owned();
            connection.insert(
                "id".to_owned(),
                json!(format!("{id}/privateLinkServiceConnections/{own}")),
            );
            if let Some(inner) = connection.get_mut("properties").and_then(Value::as_object_mut) {
                inner.insert("provisioningState".to_owned(), json!("Succeeded"));
                inner.insert(
                    "privateLinkServiceConnectionState".to_owned(),
                    json!({ "status": "Approved", "description": "Auto-Approved", "actionsRequired": "None" }),
                );
            }
        }
    }
    properties
        .entry("manualPrivateLinkServiceConnections")
        .or_insert(json!([]));
    let group = id.split("/providers/").next().unwrap_or_default();
    let interface = format!("{group}/providers/Microsoft.Network/networkInterfaces/{name}.nic");
    properties.insert("networkInterfaces".to_owned(), json!([{ "id": interface }]));
    let fqdn = format!("{}.postgres.database.azure.com", last_segment(server.as_str()));
    properties.insert(
        "customDnsConfigs".to_owned(),
        json!([{ "fqdn": fqdn, "ipAddresses": [address] }]),
    );
}

/// The address of an endpoint.
pub(super) fn address_of(properties: &Value) -> Option<String> {
    text(properties, "/customDnsConfigs/0/ipAddresses/0").map(str::to_owned)
}

/// The first address of a subnet that no other endpoint has.
fn free_address(world: &World, subnet: &Key) -> String {
    let prefixes = subnet::prefixes(&world.properties(subnet));
    let first = prefixes
        .ok()
        .and_then(|prefixes| prefixes.first()?.first_v4())
        .map_or(0, u32::from);
    let taken: Vec<String> = world
        .store
        .referrers(subnet)
        .filter_map(|user| address_of(&world.properties(user)))
        .collect();
    let mut addresses = (RESERVED..).map(|offset| Ipv4Addr::from(first.saturating_add(offset)).to_string());
    addresses.find(|address| !taken.contains(address)).unwrap_or_default()
}

/// The endpoint stands: its server shows the connection.
pub(super) fn connect(world: &mut World, key: &Key) {
    let Some(endpoint) = world.store.get(key) else { return };
    let (id, name) = (endpoint.id.clone(), endpoint.name().to_owned());
    let Some(server) = endpoint.refers_to().get(1).cloned() else {
        return;
    };
    let Some(server_id) = world.store.get(&server).map(|server| server.id.clone()) else {
        return;
    };
    let guid = world.chance.guid();
    let shown = json!({
        "id": format!("{server_id}/privateEndpointConnections/{name}.{guid}"),
        "properties": {
            "privateEndpoint": { "id": id },
            "groupIds": [GROUP_ID],
            "privateLinkServiceConnectionState": { "status": "Approved", "description": "Auto-Approved", "actionsRequired": "None" },
            "provisioningState": "Succeeded",
        },
    });
    world.store.edit(&server, |properties| {
        let connections = properties.entry("privateEndpointConnections").or_insert(json!([]));
        if let Some(connections) = connections.as_array_mut()
            && !connections.iter().any(|shown| is_of(shown, key))
        {
            connections.push(shown);
        }
    });
}

/// The endpoint goes: its server shows the connection no longer.
pub(super) fn disconnect(world: &mut World, key: &Key) {
    let server = world
        .store
        .get(key)
        .and_then(|endpoint| endpoint.refers_to().get(1).cloned());
    let Some(server) = server else { return };
    world.store.edit(&server, |properties| {
        if let Some(connections) = properties
            .get_mut("privateEndpointConnections")
            .and_then(Value::as_array_mut)
        {
            connections.retain(|shown| !is_of(shown, key));
        }
    });
}

fn is_of(connection: &Value, endpoint: &Key) -> bool {
    text(connection, "/properties/privateEndpoint/id").map(Key::of).as_ref() == Some(endpoint)
}
