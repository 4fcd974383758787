//! What the end of an operation does to the world, well or badly. Never when it ends.

use serde_json::json;

use super::{configuration, dns_zone_group, flexible_server, peering, private_endpoint, virtual_network};
use crate::simulator::arm_type::ArmType;
use crate::simulator::operation::Effect;
use crate::simulator::path::Key;
use crate::simulator::store::Object;
use crate::simulator::world::{Registration, World};

/// What the end of an operation does.
pub(crate) fn take_effect(world: &mut World, effect: Effect) {
    match effect {
        Effect::Nothing => {}
        Effect::Settle(key) => settle(world, &key, "Succeeded"),
        Effect::Remove(key) => remove(world, &key),
        Effect::Put { id, arm_type, body } => {
            world.store.put(Object::new(&id, arm_type, body));
        }
        Effect::Server {
            key,
            envelope,
            properties,
        } => flexible_server::settle(world, &key, envelope, properties),
        Effect::Restarted(key) => flexible_server::restarted(world, &key),
        Effect::State { key, state } => flexible_server::set_state(world, &key, &state),
        Effect::Parameter {
            server,
            name,
            value,
            source,
        } => configuration::set(world, &server, &name, &value, &source),
        Effect::Register {
            subscription,
            namespace,
        } => {
            world
                .registrations
                .insert((subscription, namespace), Registration::Registered);
        }
    }
}

/// What the failed end of an operation leaves.
pub(crate) fn take_failure(world: &mut World, effect: Effect) {
    match effect {
        Effect::Settle(key) => settle(world, &key, "Failed"),
        Effect::Server { key, .. } => flexible_server::settle_failed(world, &key),
        Effect::Restarted(key) | Effect::State { key, .. } => flexible_server::set_state(world, &key, "Ready"),
        Effect::Remove(key) => undo_remove(world, &key),
        Effect::Nothing | Effect::Put { .. } | Effect::Parameter { .. } => {}
        Effect::Register {
            subscription,
            namespace,
        } => {
            world
                .registrations
                .insert((subscription, namespace), Registration::NotRegistered);
        }
    }
}

fn settle(world: &mut World, key: &Key, state: &str) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    world.store.edit(key, |properties| {
        properties.insert("provisioningState".to_owned(), json!(state));
        if arm_type == Some(ArmType::VirtualNetworkLink) {
            properties.insert("virtualNetworkLinkState".to_owned(), json!("Completed"));
        }
    });
    match arm_type {
        Some(ArmType::Peering) if state == "Succeeded" => {
            peering::connect(world, key);
            virtual_network::bump_parent(world, key);
        }
        Some(ArmType::PrivateEndpoint) if state == "Succeeded" => private_endpoint::connect(world, key),
        Some(ArmType::PrivateDnsZoneGroup) if state == "Succeeded" => dns_zone_group::write_records(world, key),
        Some(ArmType::VirtualNetwork) => virtual_network::bump(world, key),
        Some(ArmType::Subnet | ArmType::Peering | ArmType::SecurityRule) => virtual_network::bump_parent(world, key),
        Some(_) | None => {}
    }
}

fn remove(world: &mut World, key: &Key) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    let below = match arm_type {
        Some(
            ArmType::Subnet
            | ArmType::Peering
            | ArmType::SecurityRule
            | ArmType::VirtualNetworkLink
            | ArmType::FirewallRule
            | ArmType::Database,
        )
        | None => Vec::new(),
        Some(_) => world.store.descendants(key),
    };
    for each in below.iter().chain(std::iter::once(key)) {
        match world.store.get(each).map(|object| object.arm_type) {
            Some(ArmType::Peering) => peering::disconnect(world, each),
            Some(ArmType::PrivateEndpoint) => private_endpoint::disconnect(world, each),
            Some(ArmType::PrivateDnsZoneGroup) => dns_zone_group::forget_records(world, each),
            Some(_) | None => {}
        }
        world.active.remove(each);
        world.store.remove(each);
    }
    if matches!(
        arm_type,
        Some(ArmType::Subnet | ArmType::Peering | ArmType::SecurityRule)
    ) {
        virtual_network::bump_parent(world, key);
    }
}

fn undo_remove(world: &mut World, key: &Key) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    match arm_type {
        Some(ArmType::FlexibleServer) => flexible_server::set_state(world, key, "Ready"),
        Some(
            ArmType::VirtualNetwork
            | ArmType::Subnet
            | ArmType::Peering
            | ArmType::SecurityRule
            | ArmType::PrivateEndpoint
            | ArmType::PrivateDnsZoneGroup
            | ArmType::PrivateDnsZone
            | ArmType::VirtualNetworkLink,
        ) => {
            world.store.edit(key, |properties| {
                properties.insert("provisioningState".to_owned(), json!("Failed"));
            });
        }
        Some(_) | None => {}
    }
}
