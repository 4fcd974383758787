//! The published examples, against the contracts we keep by hand.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::simulator::arm_type::ArmType;
use crate::simulator::contract::Purpose;

/// Answers to calls that are not about a resource of a type.
const NO_RESOURCE: &[&str] = &[
    "AsyncOperationPoll",
    "CapabilitiesByLocation-excerpt",
    "CheckMigrationNameAvailability",
    "MigrationsCheckNameAvailability",
    "NameAvailabilityCheckWithLocation",
    "PrivateDnsZoneSuffixGet",
    "ServersDelete",
    "VirtualNetworkSubnetUsageList",
    // Another API: field names and types of 2022.
    "MigrationsGet-legacy-2022-05-01-privatepreview",
];

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The type an example is about, told by its directory and, where that holds several, by its name.
fn subject(dir: &str, name: &str) -> Option<ArmType> {
    let arm_type = match dir {
        "flexibleServers" => ArmType::FlexibleServer,
        "flexibleServers-migrations" => ArmType::Migration,
        "flexibleServers-databases" => ArmType::Database,
        "flexibleServers-firewallRules" => ArmType::FirewallRule,
        "flexibleServers-configurations" => ArmType::Configuration,
        "flexibleServers-privateEndpointConnections" => ArmType::PrivateEndpointConnection,
        "virtualNetworks" if name.starts_with("Subnet") => ArmType::Subnet,
        "virtualNetworks" => ArmType::VirtualNetwork,
        "virtualNetworkPeerings" => ArmType::Peering,
        "networkSecurityGroups" => ArmType::NetworkSecurityGroup,
        "privateEndpoints" if name.contains("DnsZoneGroup") => ArmType::PrivateDnsZoneGroup,
        "privateEndpoints" => ArmType::PrivateEndpoint,
        "privateDnsZones" if name.starts_with("RecordSet") => ArmType::RecordSetA,
        "privateDnsZones" if name.starts_with("VirtualNetworkLink") => ArmType::VirtualNetworkLink,
        "privateDnsZones" => ArmType::PrivateDnsZone,
        "authorization" if name.starts_with("ManagementLocks") => ArmType::Lock,
        "authorization" => ArmType::RoleAssignment,
        "resources" => ArmType::ResourceGroup,
        "servers" if name.starts_with("Configuration") => ArmType::SingleServerConfiguration,
        "servers" if name.starts_with("FirewallRule") => ArmType::SingleServerFirewallRule,
        "servers" if name.starts_with("VirtualNetworkRule") => ArmType::SingleServerNetworkRule,
        "servers" => ArmType::SingleServer,
        _ => return None,
    };
    (!NO_RESOURCE.contains(&name)).then_some(arm_type)
}

/// PATCH bodies are called updates, except where one verb does both.
fn purpose(name: &str) -> Purpose {
    let put = name.contains("CreateOrUpdate") || name.starts_with("PrivateEndpointConnections");
    if name.contains("Update") && !put {
        Purpose::Patch
    } else {
        Purpose::Put
    }
}

fn requests(example: &Value) -> Vec<Value> {
    let parameters = example["parameters"].as_object().into_iter().flatten();
    // One sample repeats a member of its body beside it.
    let parameters = parameters.filter(|(name, _)| *name != "extendedLocation");
    let sent = parameters.map(|(_, value)| value.clone()).filter(Value::is_object);
    sent.chain(Some(example["request"]["body"].clone()).filter(Value::is_object))
        .collect()
}

fn replies(example: &Value) -> Vec<Value> {
    let published = example["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, reply)| reply["body"].clone());
    let all = published
        .chain(Some(example["response"]["body"].clone()))
        .filter(Value::is_object);
    all.flat_map(|body| body["value"].as_array().cloned().unwrap_or_else(|| vec![body]))
        .collect()
}

#[test]
fn every_published_request_and_reply_fits_its_contract() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arm/examples");
    let (mut sent, mut answered) = (0, 0);
    for file in files(&root) {
        let dir = file
            .strip_prefix(&root)
            .unwrap()
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .to_owned();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let Some(arm_type) = subject(&dir, name) else { continue };
        let contract = arm_type.contract().unwrap();
        let example: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for request in requests(&example) {
            let checked = contract.check(purpose(name), &request);
            assert!(checked.is_ok(), "{}: {checked:#?}", file.display());
            sent += 1;
        }
        // The first reply of a PostgreSQL write is no resource.
        for reply in replies(&example)
            .iter()
            .filter(|reply| reply.get("operation").is_none())
        {
            let checked = contract.check(Purpose::Reply, reply);
            assert!(checked.is_ok(), "{}: {checked:#?}", file.display());
            answered += 1;
        }
    }
    assert!(
        sent >= 25 && answered >= 45,
        "{sent} requests and {answered} replies were checked"
    );
}

#[test]
fn every_example_is_about_a_known_type_or_listed_as_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arm/examples");
    for file in files(&root) {
        let dir = file
            .strip_prefix(&root)
            .unwrap()
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap()
            .to_owned();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let known = subject(&dir, name).is_some() || NO_RESOURCE.contains(&name) || dir == "errors";
        assert!(known, "{}", file.display());
    }
}
