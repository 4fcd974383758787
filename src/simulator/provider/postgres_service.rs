//! Calls on the PostgreSQL provider itself: name checks, DNS suffix, subnet usage, capabilities. Never a server's state.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::simulator::arm_type::ArmType;
use crate::simulator::message::{Method, Request, Response};
use crate::simulator::path::Key;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::text;
use crate::simulator::world::{Answer, World};

/// What the names of flexible servers and their zones end with.
pub(crate) const DNS_SUFFIX: &str = "postgres.database.azure.com";

pub(super) fn answer(world: &World, request: &Request, scope: &str, rest: &[String]) -> Answer {
    let lower: Vec<String> = rest.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (request.method, words.as_slice()) {
        (Method::Post, ["getprivatednszonesuffix"]) if scope.is_empty() => Ok(Response::json(200, &json!(DNS_SUFFIX))),
        (Method::Post, ["checknameavailability"] | ["locations", _, "checknameavailability"]) => {
            name_availability(world, request)
        }
        (Method::Post, ["locations", location, "checkvirtualnetworksubnetusage"]) => {
            subnet_usage(world, request, scope, location)
        }
        (Method::Get, ["locations", _, "capabilities"]) => Ok(Response::json(200, &capabilities())),
        _ => Err(Refusal::new(
            404,
            "InvalidResourceType",
            format!("The resource type could not be found: {}.", request.path),
        )),
    }
}

fn name_availability(world: &World, request: &Request) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let name = text(&body, "/name").unwrap_or_default();
    let wanted = format!(
        "/microsoft.dbforpostgresql/flexibleservers/{}",
        name.to_ascii_lowercase()
    );
    let valid = ArmType::FlexibleServer
        .contract()
        .is_some_and(|contract| contract.name_fault(name).is_none());
    let taken = world.store.keys().any(|key| key.as_str().ends_with(&wanted));
    let mut reply = json!({ "name": name, "type": "Microsoft.DBforPostgreSQL/flexibleServers", "nameAvailable": valid && !taken, "message": "" });
    let reason = match (valid, taken) {
        (true, false) => return Ok(Response::json(200, &reply)),
        (false, _) => "Invalid",
        (true, true) => "AlreadyExists",
    };
    if let Some(reply) = reply.as_object_mut() {
        reply.insert("reason".to_owned(), json!(reason));
        reply.insert(
            "message".to_owned(),
            json!(format!("Specified server name '{name}' cannot be used.")),
        );
    }
    Ok(Response::json(200, &reply))
}

fn subnet_usage(world: &World, request: &Request, scope: &str, location: &str) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let network = Key::of(text(&body, "/virtualNetworkArmResourceId").unwrap_or_default());
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for subnet in world.store.children(&network, ArmType::Subnet.segment()) {
        let servers = world.store.referrers(subnet).filter_map(|user| world.store.get(user));
        let servers = servers.filter(|user| user.arm_type == ArmType::FlexibleServer).count();
        if let Some(subnet) = world.store.get(subnet).filter(|_| servers > 0) {
            used.insert(subnet.name().to_owned(), servers);
        }
    }
    let usage: Vec<Value> = used
        .into_iter()
        .map(|(name, usage)| json!({ "subnetName": name, "usage": usage }))
        .collect();
    let subscription = scope.rsplit('/').next().unwrap_or_default();
    Ok(Response::json(
        200,
        &json!({ "delegatedSubnetsUsage": usage, "location": location, "subscriptionId": subscription }),
    ))
}

/// An excerpt of what the service offers: editions with some SKUs, storage, versions.
fn capabilities() -> Value {
    let sku = |name: &str, cores: u64, iops: u64, memory: u64| {
        json!({
            "name": name, "vCores": cores, "supportedIops": iops, "supportedMemoryPerVcoreMb": memory, "supportedFeatures": [],
            "supportedZones": ["1", "2", "3"], "supportedHaMode": ["SameZone", "ZoneRedundant"]
        })
    };
    let storage = |gb: u64, iops: u64, tier: &str| json!({ "supportedIops": iops, "storageSizeMb": gb * 1024, "defaultIopsTier": tier, "supportedIopsTiers": [{ "name": tier, "iops": iops }] });
    let disks = json!([{
        "name": "ManagedDisk", "defaultStorageSizeMb": 32768,
        "supportedStorageMb": [storage(32, 120, "P4"), storage(128, 500, "P10"), storage(512, 2300, "P20"), storage(1024, 5000, "P30"), storage(4096, 7500, "P50")]
    }]);
    let versions: Vec<u32> = (11..=18).collect();
    let upgrades = |from: u32| {
        versions
            .iter()
            .filter(|to| **to > from)
            .map(u32::to_string)
            .collect::<Vec<_>>()
    };
    let supported: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "name": version.to_string(), "supportedVersionsToUpgrade": upgrades(*version), "supportedFeatures": [] }))
        .collect();
    json!({ "value": [{
        "name": "FlexibleServerCapabilities",
        "supportedServerEditions": [
            { "name": "Burstable", "defaultSkuName": "Standard_B2s", "supportedStorageEditions": disks, "supportedServerSkus": [sku("Standard_B1ms", 1, 640, 2048), sku("Standard_B2s", 2, 1280, 2048)] },
            { "name": "GeneralPurpose", "defaultSkuName": "Standard_D4ds_v5", "supportedStorageEditions": disks, "supportedServerSkus": [sku("Standard_D2ds_v5", 2, 3750, 4096), sku("Standard_D4ds_v5", 4, 6400, 4096), sku("Standard_D8ds_v5", 8, 12800, 4096)] },
            { "name": "MemoryOptimized", "defaultSkuName": "Standard_E4ds_v5", "supportedStorageEditions": disks, "supportedServerSkus": [sku("Standard_E4ds_v5", 4, 6400, 8192)] }
        ],
        "supportedServerVersions": supported,
        "supportedFastProvisioningEditions": [], "supportedFeatures": [{ "name": "ZoneRedundantHa", "status": "Enabled" }, { "name": "GeoBackup", "status": "Enabled" }],
        "fastProvisioningSupported": "Disabled", "geoBackupSupported": "Enabled", "zoneRedundantHaSupported": "Enabled",
        "zoneRedundantHaAndGeoBackupSupported": "Enabled", "storageAutoGrowthSupported": "Enabled", "onlineResizeSupported": "Enabled"
    }] })
}
