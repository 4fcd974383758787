//! Whether the network lets a migration through: peerings, zone links, endpoints (contract 13). Changes nothing.

use serde_json::Value;

use super::super::peering::joined;
use super::super::private_dns::is_linked;
use crate::simulator::arm_type::ArmType;
use crate::simulator::options::PathChecks;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::seed::SourceServer;
use crate::simulator::store::text;
use crate::simulator::world::World;

/// What the service would say about the path, if it is broken.
pub(super) fn fault(world: &World, target: &Key, properties: &Value, source: &SourceServer) -> Option<String> {
    match world.options.path_checks {
        PathChecks::Off => None,
        PathChecks::Enforced => match text(properties, "/migrationInstanceResourceId") {
            Some(runtime) => through_runtime(world, target, &Key::of(runtime), source),
            None => direct(world, target, source),
        },
    }
}

/// Where the target can be reached privately: its own network when it is injected, else that of its private endpoint.
struct Entrance {
    network: Key,
    endpoint: Option<Key>,
}

fn entrance(world: &World, server: &Key) -> Option<Entrance> {
    if let Some(network) = network_of(world, server) {
        return Some(Entrance {
            network,
            endpoint: None,
        });
    }
    let endpoint = world.store.referrers(server).find(|user| {
        world
            .store
            .get(user)
            .is_some_and(|object| object.arm_type == ArmType::PrivateEndpoint)
    });
    let from_connections = || {
        let properties = world.properties(server);
        let connections = properties.get("privateEndpointConnections").and_then(Value::as_array)?;
        connections
            .iter()
            .filter_map(|each| text(each, "/properties/privateEndpoint/id"))
            .map(Key::of)
            .find(|key| world.store.contains(key))
    };
    let endpoint = endpoint.cloned().or_else(from_connections)?;
    let subnet = world.store.get(&endpoint)?.refers_to().first()?;
    Some(Entrance {
        network: subnet.parent()?,
        endpoint: Some(endpoint),
    })
}

/// The network a server is injected into.
fn network_of(world: &World, server: &Key) -> Option<Key> {
    let properties = world.properties(server);
    Key::of(text(&properties, "/network/delegatedSubnetResourceId")?).parent()
}

fn is_public(world: &World, server: &Key) -> bool {
    text(&world.properties(server), "/network/publicNetworkAccess") == Some("Enabled")
}

fn through_runtime(world: &World, target: &Key, runtime: &Key, source: &SourceServer) -> Option<String> {
    let Some(own) = network_of(world, runtime) else {
        return Some(format!(
            "The runtime server {} is not in a virtual network.",
            last_segment(runtime.as_str())
        ));
    };
    let source_network = source.network.as_deref().map(Key::of);
    if let Some(network) = source_network.as_ref().filter(|network| !joined(world, &own, network)) {
        return Some(unreachable(
            &source.host,
            source.port,
            &format!(
                "the virtual network of the runtime server is not connected to {network} by peerings in both directions"
            ),
        ));
    }
    let zone = text(&world.properties(runtime), "/network/privateDnsZoneArmResourceId").map(Key::of);
    let name = last_segment(target.as_str());
    let Some(entrance) = entrance(world, target) else {
        return (!is_public(world, target)).then(|| {
            unreachable(
                name,
                5432,
                "the target server has neither public access nor a private endpoint",
            )
        });
    };
    if !joined(world, &own, &entrance.network) {
        let reason = format!(
            "the virtual network of the runtime server is not connected to {} by peerings in both directions",
            entrance.network
        );
        return Some(unreachable(name, 5432, &reason));
    }
    let resolvers = [Some(&own), source_network.as_ref(), Some(&entrance.network)];
    if let Some(zone) = zone
        && let Some(network) = resolvers
            .into_iter()
            .flatten()
            .find(|network| !is_linked(world, &zone, network))
    {
        let runtime = last_segment(runtime.as_str());
        return Some(format!(
            "The name of the runtime server {runtime} cannot be resolved: the private DNS zone {zone} has no link to {network}."
        ));
    }
    let endpoint = entrance.endpoint?;
    let zones = zones_of(world, &endpoint);
    let resolved = |network: &Key| zones.iter().any(|zone| is_linked(world, zone, network));
    (!resolved(&own)).then(|| {
        format!("The name of the target server {name} cannot be resolved from the runtime server: no zone {ENDPOINT_ZONE} of its private endpoint is linked to {own}.")
    })
}

/// The zone of private endpoints of PostgreSQL servers.
const ENDPOINT_ZONE: &str = "privatelink.postgres.database.azure.com";

/// The zones that hold the endpoint's name: those of its zone groups, else all of the usual name.
fn zones_of(world: &World, endpoint: &Key) -> Vec<Key> {
    let groups = world.store.children(endpoint, ArmType::PrivateDnsZoneGroup.segment());
    let of_groups: Vec<Key> = groups
        .filter_map(|group| world.store.get(group))
        .flat_map(|group| group.refers_to().to_vec())
        .collect();
    if !of_groups.is_empty() {
        return of_groups;
    }
    let ending = format!("/privatednszones/{ENDPOINT_ZONE}");
    world
        .store
        .keys()
        .filter(|key| key.as_str().ends_with(&ending))
        .cloned()
        .collect()
}

/// Without a runtime server the target itself connects to the source.
fn direct(world: &World, target: &Key, source: &SourceServer) -> Option<String> {
    let network = Key::of(source.network.as_deref()?);
    match network_of(world, target) {
        Some(own) if joined(world, &own, &network) => None,
        Some(own) => Some(unreachable(
            &source.host,
            source.port,
            &format!("{own} is not connected to {network} by peerings in both directions"),
        )),
        None => Some(unreachable(
            &source.host,
            source.port,
            "the address is private and the target server is not in a virtual network; a runtime server is needed",
        )),
    }
}

fn unreachable(host: &str, port: u16, reason: &str) -> String {
    format!("Could not connect to the server {host} on port {port}: {reason}.")
}
