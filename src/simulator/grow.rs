//! Makes a world of a seed: places objects, fills in what the service would have filled in. Reads no file.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::arm_type::ArmType;
use super::message::Method;
use super::path::{Key, Route, last_segment};
use super::provider::{flexible_server, migration, peering, security_rule, subnet, virtual_network};
use super::region;
use super::seed::{ENVELOPE, ObjectProblem, Seed, SeedError};
use super::store::{Object, text};
use super::world::{NIL, Registration, World};

/// What `az resource show` adds and ARM does not have.
const NOT_ARM: &[&str] = &[
    "resourceGroup",
    "apiVersion",
    "changedTime",
    "createdTime",
    "provisioningState",
    "subscriptionId",
    "tenantId",
    "etag",
];

/// Figures of a zone that are counted anew for each reply.
const ZONE_COUNTERS: &[&str] = &[
    "maxNumberOfRecordSets",
    "numberOfRecordSets",
    "maxNumberOfVirtualNetworkLinks",
    "numberOfVirtualNetworkLinks",
    "maxNumberOfVirtualNetworkLinksWithRegistration",
    "numberOfVirtualNetworkLinksWithRegistration",
];

impl World {
    /// The world that a seed describes, at the seed's time or, if it has none, at the one given.
    ///
    /// # Errors
    /// When an object of the seed cannot be placed.
    pub fn grow(seed: Seed, now: Timestamp) -> Result<Self, SeedError> {
        let mut world = Self::new(seed.time.unwrap_or(now), seed.options);
        world.tenant = seed.tenant.unwrap_or_else(|| NIL.to_owned());
        world.subscriptions = seed.subscriptions.iter().map(|id| id.to_ascii_lowercase()).collect();
        world.tenants = seed
            .tenants
            .iter()
            .map(|(subscription, tenant)| (subscription.to_ascii_lowercase(), tenant.to_ascii_lowercase()))
            .collect();
        world.subscriptions.extend(world.tenants.keys().cloned());
        world.sources = seed.sources;
        world.vaults = seed.vaults;
        for source in &mut world.sources {
            for user in source.users.values_mut() {
                let salt = world.chance.guid().simple().to_string();
                user.password = std::mem::take(&mut user.password).without_text(&salt);
            }
        }
        let mut placed = BTreeSet::new();
        for (index, object) in seed.objects.into_iter().enumerate() {
            world
                .place(object, &mut placed)
                .map_err(|problem| SeedError::Object { index, problem })?;
        }
        world.complete(&placed)?;
        for rule in seed.faults {
            world.add_fault(rule);
        }
        if world.subscriptions.is_empty() {
            world.subscriptions.insert(NIL.to_owned());
        }
        world.advance_to(world.now());
        Ok(world)
    }

    fn place(&mut self, object: Map<String, Value>, placed: &mut BTreeSet<Key>) -> Result<(), ObjectProblem> {
        let id = object
            .get("id")
            .and_then(Value::as_str)
            .ok_or(ObjectProblem::NoId)?
            .trim_end_matches('/')
            .to_owned();
        if let Some(key) = object.keys().find(|key| !ENVELOPE.contains(&key.as_str())) {
            return Err(ObjectProblem::UnknownKey { id, key: key.clone() });
        }
        let route = Route::parse(Method::Get, &id);
        let Some(subscription) = route.subscription().map(str::to_ascii_lowercase) else {
            return Err(ObjectProblem::NotAnId(id));
        };
        if let Route::Provider { namespace, .. } = &route {
            let state = match object.get("registrationState").and_then(Value::as_str) {
                Some("NotRegistered" | "Unregistered") => Registration::NotRegistered,
                Some(_) | None => Registration::Registered,
            };
            self.registrations
                .insert((subscription.clone(), namespace.to_ascii_lowercase()), state);
            self.subscriptions.insert(subscription);
            return Ok(());
        }
        let Some(arm_type) = Route::object_type(&id) else {
            return Err(ObjectProblem::NotAnId(id));
        };
        if !placed.insert(Key::of(&id)) {
            return Err(ObjectProblem::Twice(id));
        }
        self.subscriptions.insert(subscription);
        self.put_grown(&id, arm_type, object);
        Ok(())
    }

    fn put_grown(&mut self, id: &str, arm_type: ArmType, object: Map<String, Value>) {
        let mut whole = match without_nulls(Value::Object(object)) {
            Value::Object(whole) => whole,
            _ => Map::new(),
        };
        for name in NOT_ARM {
            whole.remove(*name);
        }
        whole.insert("id".to_owned(), json!(id));
        whole.insert("name".to_owned(), json!(last_segment(id)));
        if arm_type != ArmType::Other {
            whole.insert("type".to_owned(), json!(arm_type.name()));
        }
        let location = whole
            .get("location")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        self.ensure_group(id, &location);
        let mut properties = whole
            .remove("properties")
            .and_then(|properties| properties.as_object().cloned())
            .unwrap_or_default();
        let mut etag = None;
        match arm_type {
            ArmType::VirtualNetwork => {
                self.split_off(id, ArmType::Subnet, properties.remove("subnets"));
                self.split_off(id, ArmType::Peering, properties.remove("virtualNetworkPeerings"));
                virtual_network::filled(self, &mut properties);
                etag = Some(self.chance.guid());
            }
            ArmType::Subnet => {
                whole = subnet::completed(id, properties, "Succeeded");
                properties = whole
                    .get("properties")
                    .and_then(Value::as_object)
                    .cloned()
                    .unwrap_or_default();
            }
            ArmType::NetworkSecurityGroup => {
                self.split_off(id, ArmType::SecurityRule, properties.remove("securityRules"));
                // Subnets say which group guards them.
                properties.remove("subnets");
                properties.entry("provisioningState").or_insert(json!("Succeeded"));
                etag = Some(self.chance.guid());
            }
            ArmType::SecurityRule => security_rule::filled(&mut properties),
            ArmType::PrivateDnsZone => {
                properties.retain(|name, _| !ZONE_COUNTERS.contains(&name.as_str()));
                properties.entry("provisioningState").or_insert(json!("Succeeded"));
                whole.insert("etag".to_owned(), json!(self.chance.guid()));
                whole.insert("location".to_owned(), json!("global"));
            }
            ArmType::VirtualNetworkLink => {
                properties.entry("provisioningState").or_insert(json!("Succeeded"));
                properties
                    .entry("virtualNetworkLinkState")
                    .or_insert(json!("Completed"));
                properties.entry("registrationEnabled").or_insert(json!(false));
                whole.insert("etag".to_owned(), json!(self.chance.guid()));
                whole.insert("location".to_owned(), json!("global"));
            }
            ArmType::FlexibleServer => {
                properties = flexible_server::grown(self, last_segment(id), properties);
                whole.insert("location".to_owned(), json!(region::display(&location)));
            }
            ArmType::Migration => {
                whole.insert("location".to_owned(), json!(region::display(&location)));
            }
            ArmType::ResourceGroup => {
                properties.insert("provisioningState".to_owned(), json!("Succeeded"));
            }
            ArmType::Peering
            | ArmType::PrivateEndpoint
            | ArmType::PrivateDnsZoneGroup
            | ArmType::RecordSetA
            | ArmType::FirewallRule
            | ArmType::Configuration
            | ArmType::Database
            | ArmType::PrivateEndpointConnection
            | ArmType::SingleServer
            | ArmType::SingleServerFirewallRule
            | ArmType::SingleServerNetworkRule
            | ArmType::SingleServerConfiguration
            | ArmType::SingleServerDatabase
            | ArmType::RoleAssignment
            | ArmType::RoleDefinition
            | ArmType::Lock
            | ArmType::Other => {}
        }
        whole.insert("properties".to_owned(), Value::Object(properties));
        let mut object = Object::new(id, arm_type, whole);
        object.etag = etag;
        self.store.put(object);
    }

    /// The inline children of a network or a security group; what the seed lists by itself wins over them.
    fn split_off(&mut self, network: &str, arm_type: ArmType, inline: Option<Value>) {
        for child in inline.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = text(child, "/name") else { continue };
            let id = format!("{network}/{}/{name}", arm_type.segment());
            if !self.store.contains(&Key::of(&id)) {
                self.put_grown(&id, arm_type, child.as_object().cloned().unwrap_or_default());
            }
        }
    }

    fn ensure_group(&mut self, id: &str, location: &str) {
        let Some(group) = Key::of(id).group().filter(|group| !self.store.contains(group)) else {
            return;
        };
        // The group's id in the casing of the object that needs it.
        let Some(id) = id.get(..group.as_str().len()) else {
            return;
        };
        let location = if location.is_empty() || location.eq_ignore_ascii_case("global") {
            "eastus"
        } else {
            location
        };
        let mut whole = Map::new();
        whole.insert("id".to_owned(), json!(id));
        whole.insert("name".to_owned(), json!(last_segment(id)));
        whole.insert("type".to_owned(), json!(ArmType::ResourceGroup.name()));
        whole.insert("location".to_owned(), json!(region::plain(location)));
        whole.insert("properties".to_owned(), json!({ "provisioningState": "Succeeded" }));
        self.store.put(Object::new(id, ArmType::ResourceGroup, whole));
    }

    /// What can be filled in only once every object is there.
    fn complete(&mut self, placed: &BTreeSet<Key>) -> Result<(), SeedError> {
        for (index, key) in placed.iter().enumerate() {
            let Some(object) = self.store.get(key) else { continue };
            let nested = object.arm_type != ArmType::Other && object.arm_type.name().matches('/').count() > 1;
            let orphan = nested && key.parent().is_none_or(|parent| !self.store.contains(&parent));
            if orphan {
                return Err(SeedError::Object {
                    index,
                    problem: ObjectProblem::NoParent(object.id.clone()),
                });
            }
        }
        let mut keys: Vec<Key> = self.store.keys().cloned().collect();
        keys.sort();
        for key in keys {
            match self.store.get(&key).map(|object| object.arm_type) {
                Some(ArmType::Peering) => peering::grown(self, &key),
                Some(ArmType::Migration) => migration::grown(self, &key),
                Some(_) | None => {}
            }
        }
        Ok(())
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, field)| !field.is_null())
                .map(|(name, field)| (name, without_nulls(field)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grow(objects: &Value) -> Result<World, SeedError> {
        let seed = Seed::parse(&json!({ "objects": objects }).to_string()).unwrap();
        World::grow(seed, Timestamp::UNIX_EPOCH)
    }

    const NETWORKS: &str = "/subscriptions/A/resourceGroups/Rg/providers/Microsoft.Network/virtualNetworks";

    #[test]
    fn groups_and_subscriptions_follow_from_objects_and_peerings_connect() {
        let network = |name: &str, space: &str, other: &str| {
            json!({ "id": format!("{NETWORKS}/{name}"), "location": "westeurope", "kind": null, "resourceGroup": "Rg", "properties": {
                "addressSpace": { "addressPrefixes": [space] },
                "virtualNetworkPeerings": [{ "name": "p", "properties": { "remoteVirtualNetwork": { "id": format!("{NETWORKS}/{other}") } } }] } })
        };
        let mut world = grow(&json!([
            network("a", "10.0.0.0/16", "b"),
            network("b", "10.1.0.0/16", "a")
        ]))
        .unwrap();
        assert!(world.knows_subscription("a"));
        assert!(world.store.contains(&Key::of("/subscriptions/a/resourcegroups/rg")));
        let view: Value = serde_json::from_slice(&world.store.view(&Key::of(&format!("{NETWORKS}/a")))).unwrap();
        let peering = &view["properties"]["virtualNetworkPeerings"][0]["properties"];
        assert_eq!(
            (&peering["peeringState"], &peering["peeringSyncLevel"]),
            (&json!("Connected"), &json!("FullyInSync"))
        );
        assert_eq!(view.get("kind"), None);
    }

    #[test]
    fn what_cannot_be_placed_is_named() {
        let problem = |objects: Value| grow(&objects).map(|_| ()).unwrap_err().to_string();
        let zone = "/subscriptions/a/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z.com";
        assert_eq!(problem(json!([{}])), "object 0 of the world file has no `id`");
        assert_eq!(
            problem(json!([{ "id": "z" }])),
            "object 0 of the world file has an `id` that names no ARM object: z"
        );
        assert!(problem(json!([{ "id": zone, "colour": 1 }])).contains("has the unknown key `colour`"));
        assert!(problem(json!([{ "id": zone }, { "id": zone.to_uppercase() }])).contains("is there twice"));
        assert!(
            problem(json!([{ "id": format!("{zone}/virtualNetworkLinks/l") }]))
                .contains("lies in an object that is not there")
        );
    }
}
