//! Tenants, subscriptions, regions and provider registration. Never resources.

use serde_json::{Value, json};

use super::only_read;
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::{Method, Request, Response};
use crate::simulator::operation::{Effect, Family, Plan};
use crate::simulator::path::Key;
use crate::simulator::refusal::Refusal;
use crate::simulator::region::REGIONS;
use crate::simulator::world::{Answer, Registration, World};

/// Versions that ARM's own endpoints accept.
const VERSIONS: &[&str] = &[
    "2016-06-01",
    "2018-02-01",
    "2019-06-01",
    "2019-11-01",
    "2020-01-01",
    "2020-06-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];

fn is_known(version: &str) -> Result<(), Refusal> {
    if VERSIONS.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The api-version '{version}' is invalid. The supported versions are '{}'.",
        VERSIONS.join(",")
    );
    Err(Refusal::bad_request("InvalidApiVersionParameter", message))
}

fn listed(values: Vec<Value>) -> Answer {
    Ok(Response::json(200, &json!({ "value": values })))
}

pub(super) fn tenants(world: &World, request: &Request, version: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    listed(vec![json!({
        "id": format!("/tenants/{}", world.tenant), "tenantId": world.tenant, "tenantCategory": "Home",
        "displayName": "Simulated", "defaultDomain": "simulated.example", "domains": ["simulated.example"]
    })])
}

pub(super) fn list(world: &World, request: &Request, version: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    listed(world.subscriptions.iter().map(|id| subscription(world, id)).collect())
}

pub(super) fn read(world: &World, request: &Request, version: &str, id: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    Ok(Response::json(200, &subscription(world, &id.to_ascii_lowercase())))
}

pub(super) fn providers(world: &World, request: &Request, version: &str, subscription: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    listed(
        NAMESPACES
            .iter()
            .map(|namespace| described(world, subscription, namespace))
            .collect(),
    )
}

pub(super) fn provider(world: &World, request: &Request, version: &str, subscription: &str, namespace: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    Ok(Response::json(200, &described(world, subscription, known(namespace)?)))
}

/// Begins a registration; answers with where it stands.
pub(super) fn register(
    world: &mut World,
    request: &Request,
    version: &str,
    subscription: &str,
    namespace: &str,
) -> Answer {
    is_known(version)?;
    if request.method != Method::Post {
        return Err(Refusal::method_not_allowed(&request.path));
    }
    let namespace = known(namespace)?;
    begin_registration(world, subscription, namespace);
    Ok(Response::json(200, &described(world, subscription, namespace)))
}

const NAMESPACES: &[&str] = &[
    "Microsoft.Authorization",
    "Microsoft.DBforPostgreSQL",
    "Microsoft.Network",
    "Microsoft.Resources",
];

fn known(namespace: &str) -> Result<&'static str, Refusal> {
    NAMESPACES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(namespace))
        .copied()
        .ok_or_else(|| {
            let message = format!("The resource namespace '{namespace}' is invalid.");
            Refusal::new(404, "InvalidResourceNamespace", message)
        })
}

fn subscription(world: &World, id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"), "subscriptionId": id, "displayName": format!("Simulated {}", id.get(..8).unwrap_or(id)),
        "tenantId": world.tenant_of(id), "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "Simulated_2026", "spendingLimit": "Off" }
    })
}

pub(super) fn locations(request: &Request, version: &str, subscription: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    let all = REGIONS.iter().map(|(name, display)| {
        json!({
            "id": format!("/subscriptions/{subscription}/locations/{name}"), "name": name, "type": "Region",
            "displayName": display, "regionalDisplayName": display, "metadata": { "regionType": "Physical", "regionCategory": "Recommended" },
            "availabilityZoneMappings": [
                { "logicalZone": "1", "physicalZone": format!("{name}-az1") },
                { "logicalZone": "2", "physicalZone": format!("{name}-az2") },
                { "logicalZone": "3", "physicalZone": format!("{name}-az3") }
            ]
        })
    });
    listed(all.collect())
}

fn described(world: &World, subscription: &str, namespace: &'static str) -> Value {
    let state = match world.registration(subscription, namespace) {
        Registration::NotRegistered => "NotRegistered",
        Registration::Registering => "Registering",
        Registration::Registered => "Registered",
    };
    let locations: Vec<&str> = REGIONS.iter().map(|(_, display)| *display).collect();
    let types = ArmType::all().filter_map(|arm_type| {
        let rest = arm_type.name().strip_prefix(namespace)?.strip_prefix('/')?;
        let versions = arm_type.contract()?.versions().to_vec();
        Some(json!({ "resourceType": rest, "locations": locations, "apiVersions": versions }))
    });
    json!({
        "id": format!("/subscriptions/{subscription}/providers/{namespace}"), "namespace": namespace,
        "registrationState": state, "registrationPolicy": "RegistrationRequired", "resourceTypes": types.collect::<Vec<Value>>()
    })
}

fn begin_registration(world: &mut World, subscription: &str, namespace: &str) {
    if world.registration(subscription, namespace) != Registration::NotRegistered {
        return;
    }
    let key = (subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase());
    world.registrations.insert(key.clone(), Registration::Registering);
    let takes = world.takes(|latencies| latencies.registration);
    world.begin(Plan {
        family: Family::Network,
        effect: Effect::Register {
            subscription: key.0,
            namespace: key.1,
        },
        lock: None,
        subject: Key::of(&format!("/subscriptions/{subscription}/providers/{namespace}")),
        location: "global".to_owned(),
        takes,
        mishap: None,
    });
}
