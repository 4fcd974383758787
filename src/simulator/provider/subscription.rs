//! Tenants, subscriptions, regions and provider registration. Never resources.

use serde_json::{Value, json};

use crate::simulator::arm_type::ArmType;
use crate::simulator::message::{Method, Request, Response};
use crate::simulator::operation::{Effect, Family, Plan};
use crate::simulator::path::{Key, Route};
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

pub(super) fn answer(world: &mut World, request: &Request, route: &Route, version: &str) -> Answer {
    if !VERSIONS.contains(&version) {
        let message = format!(
            "The api-version '{version}' is invalid. The supported versions are '{}'.",
            VERSIONS.join(",")
        );
        return Err(Refusal::bad_request("InvalidApiVersionParameter", message));
    }
    match (route, request.method) {
        (Route::Tenants, Method::Get) => {
            let tenant = json!({
                "id": format!("/tenants/{}", world.tenant), "tenantId": world.tenant, "tenantCategory": "Home",
                "displayName": "Simulated", "defaultDomain": "simulated.example", "domains": ["simulated.example"]
            });
            Ok(Response::json(200, &json!({ "value": [tenant] })))
        }
        (Route::Subscriptions, Method::Get) => {
            let all: Vec<Value> = world.subscriptions.iter().map(|id| subscription(world, id)).collect();
            Ok(Response::json(
                200,
                &json!({ "value": all, "count": { "type": "Total", "value": all.len() } }),
            ))
        }
        (Route::Subscription(id), Method::Get) => {
            Ok(Response::json(200, &subscription(world, &id.to_ascii_lowercase())))
        }
        (Route::Locations(id), Method::Get) => Ok(Response::json(200, &locations(id))),
        (Route::Providers(id), Method::Get) => {
            let all: Vec<Value> = NAMESPACES
                .iter()
                .map(|namespace| provider(world, id, namespace))
                .collect();
            Ok(Response::json(200, &json!({ "value": all })))
        }
        (
            Route::Provider {
                subscription,
                namespace,
            },
            Method::Get,
        ) => {
            let known = known(namespace)?;
            Ok(Response::json(200, &provider(world, subscription, known)))
        }
        (
            Route::Register {
                subscription,
                namespace,
            },
            Method::Post,
        ) => {
            let known = known(namespace)?;
            register(world, subscription, known);
            Ok(Response::json(200, &provider(world, subscription, known)))
        }
        _ => Err(Refusal::method_not_allowed(&request.path)),
    }
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
        "tenantId": world.tenant, "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "Simulated_2026", "spendingLimit": "Off" }
    })
}

fn locations(subscription: &str) -> Value {
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
    json!({ "value": all.collect::<Vec<Value>>() })
}

fn provider(world: &World, subscription: &str, namespace: &'static str) -> Value {
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

fn register(world: &mut World, subscription: &str, namespace: &str) {
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
