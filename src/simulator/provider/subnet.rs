//! Subnets by their own URL: a PUT replaces the whole. Never the network's address space.

use serde_json::{Map, Value, json};

use super::virtual_network::{
    Before, Planned, begun_delete, begun_write, hide, parent_network, subnets_fit, turn_down,
};
use super::{accepted_body, new_id, properties_of};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::prefix::Prefix;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text, texts};
use crate::simulator::world::{Answer, Call, World};

/// The delegation a VNet-injected flexible server needs.
pub(crate) const POSTGRES_DELEGATION: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let network = parent_network(world, call)?;
    let body = accepted_body(world, call)?;
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    let properties = properties_of(&body);
    references_exist(world, &properties)?;
    let id = world
        .store
        .get(&call.key)
        .map_or_else(|| new_id(world, call), |subnet| subnet.id.clone());
    let existed = world.store.contains(&call.key);
    fits(world, &network, &id, &properties)?;
    if existed {
        keeps_delegation(world, &call.key, &properties)?;
    }
    let mut object = Object::new(&id, ArmType::Subnet, completed(&id, properties, "Updating"));
    hide(world, call, &mut object);
    world.store.put(object);
    Ok(begun_write(world, call, network, Before::of(existed)))
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    let network = parent_network(world, call)?;
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    if world.busy.contains_key(&network) {
        return turn_down(world, call);
    }
    not_in_use(world, &call.key)?;
    Ok(begun_delete(world, call, network))
}

fn fits(world: &World, network: &Key, id: &str, properties: &Map<String, Value>) -> Result<(), Refusal> {
    let siblings = world
        .store
        .children(network, ArmType::Subnet.segment())
        .filter_map(|key| world.store.get(key));
    let mut all: Vec<Planned> = siblings
        .filter(|sibling| !sibling.id.eq_ignore_ascii_case(id))
        .map(|sibling| (sibling.id.clone(), sibling.body.properties()))
        .collect();
    all.push((id.to_owned(), properties.clone()));
    let space = world
        .store
        .get(network)
        .map(|network| network.prefixes().to_vec())
        .unwrap_or_default();
    subnets_fit(network, &space, &all)
}

/// The ranges of a subnet, from either spelling.
pub(super) fn prefixes(properties: &Value) -> Result<Vec<Prefix>, Refusal> {
    let ranges: Vec<&str> = texts(properties, "/addressPrefixes")
        .chain(text(properties, "/addressPrefix"))
        .collect();
    if ranges.is_empty() {
        return Err(Refusal::bad_request(
            "InvalidRequestFormat",
            "Cannot parse the request: a subnet needs addressPrefix or addressPrefixes.",
        ));
    }
    let parse = |range: &&str| {
        Prefix::parse(range).filter(|_| range.contains('/')).ok_or_else(|| {
            Refusal::bad_request(
                "InvalidAddressPrefixFormat",
                format!("Address prefix {range} is not valid."),
            )
        })
    };
    ranges.iter().map(parse).collect()
}

/// What a subnet names (its security group, its route table, its gateway) has to exist.
pub(super) fn references_exist(world: &World, properties: &Map<String, Value>) -> Result<(), Refusal> {
    for member in ["networkSecurityGroup", "routeTable", "natGateway"] {
        let id = properties.get(member).and_then(|reference| text(reference, "/id"));
        if let Some(id) = id.filter(|id| !world.store.contains(&Key::of(id))) {
            return Err(unknown_reference(id));
        }
    }
    Ok(())
}

/// The network provider's word for an id that names nothing.
pub(super) fn unknown_reference(id: &str) -> Refusal {
    let message = format!(
        "Resource {id} referenced by the request was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
    );
    Refusal::bad_request("InvalidResourceReference", message)
}

/// A subnet that something lives in cannot be deleted.
pub(super) fn not_in_use(world: &World, subnet: &Key) -> Result<(), Refusal> {
    match world.store.referrers(subnet).next() {
        Some(user) => {
            let message = format!(
                "Subnet {} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet.",
                last_segment(subnet.as_str())
            );
            Err(Refusal::bad_request("InUseSubnetCannotBeDeleted", message))
        }
        None => Ok(()),
    }
}

/// A subnet with a server in it cannot lose its delegation.
fn keeps_delegation(world: &World, subnet: &Key, after: &Map<String, Value>) -> Result<(), Refusal> {
    let server = world.store.referrers(subnet).find(|user| {
        world
            .store
            .get(user)
            .is_some_and(|object| object.arm_type == ArmType::FlexibleServer)
    });
    match server {
        Some(server) if !is_delegated(&Value::Object(after.clone())) => {
            let message = format!(
                "Subnet {subnet} requires the delegation {POSTGRES_DELEGATION} to reference service association link of {server}."
            );
            Err(Refusal::bad_request("SubnetMissingRequiredDelegation", message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a subnet is delegated to flexible servers, and to nothing else.
pub(crate) fn is_delegated(properties: &Value) -> bool {
    let delegations = properties
        .get("delegations")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let to_postgres = |each: &Value| {
        text(each, "/properties/serviceName").is_some_and(|name| name.eq_ignore_ascii_case(POSTGRES_DELEGATION))
    };
    !delegations.is_empty() && delegations.iter().all(to_postgres)
}

/// The whole object, with what the service fills in (contract 7.1).
pub(crate) fn completed(id: &str, mut properties: Map<String, Value>, state: &str) -> Map<String, Value> {
    let delegations = properties
        .remove("delegations")
        .and_then(|list| list.as_array().cloned())
        .unwrap_or_default();
    let delegations: Vec<Value> = delegations.into_iter().map(|each| delegation(id, each)).collect();
    properties.insert("delegations".to_owned(), Value::Array(delegations));
    if let Some(endpoints) = properties.get_mut("serviceEndpoints").and_then(Value::as_array_mut) {
        for endpoint in endpoints.iter_mut().filter_map(Value::as_object_mut) {
            endpoint.entry("locations").or_insert(json!(["*"]));
            endpoint.insert("provisioningState".to_owned(), json!("Succeeded"));
        }
    }
    // One range is returned in the singular form.
    let ranges = properties
        .get("addressPrefixes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let [one] = ranges.as_slice() {
        properties.insert("addressPrefix".to_owned(), one.clone());
        properties.remove("addressPrefixes");
    }
    properties
        .entry("privateEndpointNetworkPolicies")
        .or_insert(json!("Disabled"));
    properties
        .entry("privateLinkServiceNetworkPolicies")
        .or_insert(json!("Enabled"));
    properties.insert("provisioningState".to_owned(), json!(state));
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(id));
    body.insert("name".to_owned(), json!(last_segment(id)));
    body.insert("type".to_owned(), json!(ArmType::Subnet.name()));
    body.insert("properties".to_owned(), Value::Object(properties));
    body
}

fn delegation(subnet: &str, each: Value) -> Value {
    let name = text(&each, "/name").unwrap_or_default().to_owned();
    let service = text(&each, "/properties/serviceName").unwrap_or_default().to_owned();
    json!({
        "name": name,
        "id": format!("{subnet}/delegations/{name}"),
        "type": "Microsoft.Network/virtualNetworks/subnets/delegations",
        "properties": {
            "provisioningState": "Succeeded",
            "serviceName": service,
            "actions": ["Microsoft.Network/virtualNetworks/subnets/join/action"]
        }
    })
}
