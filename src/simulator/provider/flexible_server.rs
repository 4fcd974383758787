//! Flexible servers and the lock that their children share (contract 3). Never a migration's progress.

use serde_json::{Map, Value, json};

use super::{accepted_body, enveloped, missing, new_id, properties_of, subnet, visible};
use crate::simulator::arm_type::ArmType;
use crate::simulator::clock;
use crate::simulator::message::Response;
use crate::simulator::operation::{Announce, Effect, Family, Plan, announced, postgres_first_reply};
use crate::simulator::options::{Latencies, Range};
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::region;
use crate::simulator::store::{Object, text};
use crate::simulator::world::{Answer, Call, World};

/// What a PostgreSQL operation is called in the first reply, how long it takes, and what its URLs say.
struct Job {
    name: &'static str,
    effect: Effect,
    server: Key,
    takes: fn(&Latencies) -> Range,
    retry_after: u64,
    location: String,
}

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let body = accepted_body(world, call)?;
    if world.store.contains(&call.key) {
        ready(world, &call.key)?;
        return change(world, call, &body);
    }
    create(world, call, &body)
}

fn create(world: &mut World, call: &Call<'_>, body: &Map<String, Value>) -> Answer {
    let sent = properties_of(body);
    let view = Value::Object(sent.clone());
    let name = call.target.name();
    if world.store.keys().any(|key| is_server_named(key, name)) {
        let message = format!("Specified server name '{name}' is already used.");
        return Err(Refusal::conflict("ServerNameAlreadyExists", message));
    }
    for member in ["/administratorLogin", "/administratorLoginPassword", "/version"] {
        let copies = matches!(
            text(&view, "/createMode"),
            Some("Replica" | "PointInTimeRestore" | "GeoRestore" | "ReviveDropped")
        );
        if text(&view, member).is_none() && !copies {
            let message = format!(
                "Required property '{}' not found in JSON.",
                member.trim_start_matches('/')
            );
            return Err(Refusal::bad_request("InvalidParameterValue", message));
        }
    }
    if !body.contains_key("sku") {
        return Err(Refusal::bad_request(
            "InvalidParameterValue",
            "Required property 'sku' not found in JSON.",
        ));
    }
    let location = body
        .get("location")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    network_allows(world, &view, &location, name)?;
    let id = new_id(world, call);
    let mut envelope = enveloped(&id, ArmType::FlexibleServer, body);
    envelope.insert("location".to_owned(), json!(region::display(&location)));
    envelope.insert("systemData".to_owned(), json!({ "createdAt": clock::wire(world.now) }));
    let mut properties = completed(world, sent, name, Map::new())?;
    let mut whole = envelope.clone();
    whole.insert(
        "properties".to_owned(),
        Value::Object(with_state(properties.clone(), "Provisioning")),
    );
    world.store.put(Object::new(&id, ArmType::FlexibleServer, whole));
    properties = with_state(properties, "Ready");
    let job = Job {
        name: "UpsertServerManagementOperationV2",
        effect: Effect::Server {
            key: call.key.clone(),
            envelope,
            properties,
        },
        server: call.key.clone(),
        takes: |latencies| latencies.server_create,
        retry_after: 60,
        location: region::plain(&location),
    };
    Ok(begin(world, call, job))
}

fn is_server_named(key: &Key, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    key.as_str()
        .strip_suffix(&name)
        .is_some_and(|rest| rest.ends_with("/microsoft.dbforpostgresql/flexibleservers/"))
}

pub(super) fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let body = accepted_body(world, call)?;
    ready(world, &call.key)?;
    change(world, call, &body)
}

fn change(world: &mut World, call: &Call<'_>, body: &Map<String, Value>) -> Answer {
    let Some(existing) = world.store.get(&call.key).cloned() else {
        return Err(missing(world, call));
    };
    let before = existing.body.properties();
    let mut envelope = existing.body.envelope();
    let old_sku = envelope.get("sku").cloned();
    for name in ["sku", "tags", "identity"] {
        match body.get(name) {
            Some(value) if value.as_object().is_some_and(Map::is_empty) => {
                envelope.remove(name);
            }
            Some(value) => {
                envelope.insert(name.to_owned(), value.clone());
            }
            None => {}
        }
    }
    let sent = properties_of(body);
    no_step_back(&before, &sent)?;
    if envelope.get("sku") != old_sku.as_ref() || sent.contains_key("version") {
        interrupt_migrations(world, &call.key);
    }
    let after = completed(world, sent, existing.name(), before)?;
    set_state(world, &call.key, "Updating");
    let location = text(&Value::Object(envelope.clone()), "/location")
        .unwrap_or("eastus")
        .to_owned();
    let job = Job {
        name: "UpsertServerManagementOperationV2",
        effect: Effect::Server {
            key: call.key.clone(),
            envelope,
            properties: with_state(after, "Ready"),
        },
        server: call.key.clone(),
        takes: |latencies| latencies.server_update,
        retry_after: 15,
        location,
    };
    Ok(begin(world, call, job))
}

/// Storage grows only, versions rise only (contract 3.1).
fn no_step_back(before: &Map<String, Value>, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let (before, sent) = (Value::Object(before.clone()), Value::Object(sent.clone()));
    let size = |value: &Value| value.pointer("/storage/storageSizeGB").and_then(Value::as_u64);
    if let (Some(old), Some(new)) = (size(&before), size(&sent))
        && new < old
    {
        let message = format!("Storage cannot shrink from {old} GB to {new} GB.");
        return Err(Refusal::bad_request("InvalidParameterValue", message));
    }
    let version = |value: &Value| text(value, "/version").and_then(|version| version.parse::<u32>().ok());
    match (version(&before), version(&sent)) {
        (Some(old), Some(new)) if new < old => {
            let message = format!("Version {new} is lower than the current version {old}.");
            Err(Refusal::bad_request("InvalidParameterValue", message))
        }
        _ => Ok(()),
    }
}

pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    not_busy(world, &call.key)?;
    interrupt_migrations(world, &call.key);
    set_state(world, &call.key, "Dropping");
    let job = Job {
        name: "DropServerManagementOperation",
        effect: Effect::Remove(call.key.clone()),
        server: call.key.clone(),
        takes: |latencies| latencies.server_delete,
        retry_after: 15,
        location: display_location(world, &call.key),
    };
    Ok(begin(world, call, job))
}

pub(super) fn act(world: &mut World, call: &Call<'_>, action: &str) -> Answer {
    let Some(server) = world.store.get(&call.key) else {
        return Err(missing(world, call));
    };
    let state = text(&Value::Object(server.body.properties()), "/state")
        .unwrap_or("Ready")
        .to_owned();
    not_busy(world, &call.key)?;
    let (needed, meanwhile, name, effect) = match action {
        "start" => (
            "Stopped",
            "Starting",
            "StartServerManagementOperation",
            Effect::State {
                key: call.key.clone(),
                state: "Ready".to_owned(),
            },
        ),
        "stop" => (
            "Ready",
            "Stopping",
            "StopServerManagementOperation",
            Effect::State {
                key: call.key.clone(),
                state: "Stopped".to_owned(),
            },
        ),
        _ => (
            "Ready",
            "Restarting",
            "RestartServerManagementOperation",
            Effect::Restarted(call.key.clone()),
        ),
    };
    if state != needed {
        let message = format!("Server '{}' is in state {state} and not {needed}.", call.target.name());
        return Err(Refusal::conflict("ServerIsNotReady", message));
    }
    interrupt_migrations(world, &call.key);
    set_state(world, &call.key, meanwhile);
    let job = Job {
        name,
        effect,
        server: call.key.clone(),
        takes: |latencies| latencies.server_restart,
        retry_after: 15,
        location: display_location(world, &call.key),
    };
    Ok(begin(world, call, job))
}

/// A server that goes away under a migration takes it down.
fn interrupt_migrations(world: &mut World, server: &Key) {
    super::migration::interrupt(
        world,
        server,
        "The server became unavailable while the migration was running.",
    );
}

fn begin(world: &mut World, call: &Call<'_>, job: Job) -> Response {
    let first = postgres_first_reply(world, job.name);
    let takes = world.takes(job.takes);
    let begun = world.begin(Plan {
        family: Family::Postgres,
        effect: job.effect,
        lock: Some(job.server),
        subject: call.key.clone(),
        location: job.location,
        takes,
        mishap: call.mishaps.operation.clone(),
    });
    announced(world, call, first, begun, Announce::Both, job.retry_after)
}

/// Begins the write of a child: nothing else may be written to the server meanwhile.
pub(super) fn begin_child(
    world: &mut World,
    call: &Call<'_>,
    server: Key,
    name: &'static str,
    effect: Effect,
) -> Response {
    let location = display_location(world, &server);
    begin(
        world,
        call,
        Job {
            name,
            effect,
            server,
            takes: |latencies| latencies.server_child,
            retry_after: 15,
            location,
        },
    )
}

/// Deletes a firewall rule or a database.
pub(super) fn delete_child(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    if !world.store.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    ready(world, &server)?;
    Ok(begin_child(
        world,
        call,
        server,
        "DropServerChildManagementOperation",
        Effect::Remove(call.key.clone()),
    ))
}

pub(super) fn parent_server(world: &World, call: &Call<'_>) -> Result<Key, Refusal> {
    let server = call.target.parent().map(|parent| parent.key());
    server
        .filter(|server| world.store.contains(server))
        .ok_or_else(|| missing(world, call))
}

/// 409 unless the server can be written to (contract 2.7).
pub(super) fn ready(world: &World, server: &Key) -> Result<(), Refusal> {
    not_busy(world, server)?;
    let properties = world.properties(server);
    match text(&properties, "/state") {
        None | Some("Ready") => Ok(()),
        Some(state) => {
            let message = format!("Server '{}' is in state {state}.", last_segment(server.as_str()));
            Err(Refusal::conflict("ServerIsBusy", message))
        }
    }
}

fn not_busy(world: &World, server: &Key) -> Result<(), Refusal> {
    if world.busy.contains_key(server) {
        let message = format!(
            "Cannot complete operation while server '{}' is busy processing another operation. Try again later.",
            last_segment(server.as_str())
        );
        return Err(Refusal::conflict("ServerIsBusy", message));
    }
    Ok(())
}

pub(super) fn display_location(world: &World, server: &Key) -> String {
    let envelope = world
        .store
        .get(server)
        .map(|object| Value::Object(object.body.envelope()))
        .unwrap_or_default();
    region::display(text(&envelope, "/location").unwrap_or("eastus"))
}

pub(super) fn settle(world: &mut World, key: &Key, envelope: Map<String, Value>, properties: Map<String, Value>) {
    let Some(server) = world.store.get(key) else { return };
    let mut whole = envelope;
    let mut properties = properties;
    if let Some(connections) = server.body.properties().get("privateEndpointConnections") {
        properties.insert("privateEndpointConnections".to_owned(), connections.clone());
    }
    whole.insert("properties".to_owned(), Value::Object(properties));
    let id = server.id.clone();
    world.store.put(Object::new(&id, ArmType::FlexibleServer, whole));
}

/// A failed create leaves nothing, a failed change leaves the server as it was.
pub(super) fn settle_failed(world: &mut World, key: &Key) {
    let properties = world.properties(key);
    if text(&properties, "/state") == Some("Provisioning") {
        world.store.remove(key);
    } else {
        set_state(world, key, "Ready");
    }
}

pub(super) fn set_state(world: &mut World, key: &Key, state: &str) {
    world.store.edit(key, |properties| {
        properties.insert("state".to_owned(), json!(state));
    });
}

/// After a restart every static parameter has its new value (contract 4).
pub(super) fn restarted(world: &mut World, key: &Key) {
    set_state(world, key, "Ready");
    super::configuration::restarted(world, key);
}

fn with_state(mut properties: Map<String, Value>, state: &str) -> Map<String, Value> {
    properties.insert("state".to_owned(), json!(state));
    properties
}

/// Addresses of a /28.
const SMALLEST_SUBNET: u128 = 16;

/// The network modes and their rules (contract 3.3).
fn network_allows(world: &World, properties: &Value, location: &str, name: &str) -> Result<(), Refusal> {
    let wrong = |message: String| Err(Refusal::bad_request("InvalidParameterValue", message));
    let (subnet_id, zone) = (
        text(properties, "/network/delegatedSubnetResourceId"),
        text(properties, "/network/privateDnsZoneArmResourceId"),
    );
    let (subnet_id, zone) = match (subnet_id, zone) {
        (None, None) => return Ok(()),
        (Some(subnet_id), Some(zone)) => (Key::of(subnet_id), Key::of(zone)),
        _ => {
            return wrong(
                "delegatedSubnetResourceId and privateDnsZoneArmResourceId have to be given together.".to_owned(),
            );
        }
    };
    if !world.store.contains(&subnet_id) {
        return wrong(format!("The subnet {subnet_id} does not exist."));
    }
    if !subnet::is_delegated(&world.properties(&subnet_id)) {
        let message = format!(
            "The subnet {subnet_id} is not delegated to {}.",
            subnet::POSTGRES_DELEGATION
        );
        return Err(Refusal::bad_request("SubnetMissingRequiredDelegation", message));
    }
    let ranges = subnet::prefixes(&world.properties(&subnet_id)).unwrap_or_default();
    if ranges.iter().all(|range| range.size() < SMALLEST_SUBNET) {
        return wrong(format!(
            "The subnet {subnet_id} is too small: /28 is the smallest for a flexible server."
        ));
    }
    let network = subnet_id.parent().unwrap_or_else(|| subnet_id.clone());
    if !region::same(&super::virtual_network::location_of(world, &network), location) {
        return wrong(format!(
            "The virtual network of subnet {subnet_id} is not in the region of the server."
        ));
    }
    if !world.store.contains(&zone) {
        return wrong(format!("The private DNS zone {zone} does not exist."));
    }
    let zone_name = last_segment(zone.as_str());
    if !zone_name.ends_with(super::postgres_service::DNS_SUFFIX) || zone_name == fqdn(name) {
        return wrong(format!(
            "The private DNS zone {zone_name} must end with {} and differ from the server's own name.",
            super::postgres_service::DNS_SUFFIX
        ));
    }
    Ok(())
}

fn fqdn(name: &str) -> String {
    format!("{}.{}", name.to_ascii_lowercase(), super::postgres_service::DNS_SUFFIX)
}

/// Size in GB, default tier, IOPS (contract 3.2).
const DISKS: &[(u64, &str, u64)] = &[
    (32, "P4", 120),
    (64, "P6", 240),
    (128, "P10", 500),
    (256, "P15", 1100),
    (512, "P20", 2300),
    (1024, "P30", 5000),
    (2048, "P40", 7500),
    (4095, "P50", 7500),
    (4096, "P50", 7500),
    (8192, "P60", 16000),
    (16384, "P70", 18000),
    (32767, "P80", 20000),
];

/// A server as a seed names it, with what the service would have filled in.
pub(crate) fn grown(world: &mut World, name: &str, sent: Map<String, Value>) -> Map<String, Value> {
    let state = sent.get("state").and_then(Value::as_str).unwrap_or("Ready").to_owned();
    let properties = completed(world, sent.clone(), name, Map::new()).unwrap_or(sent);
    with_state(properties, &state)
}

/// The properties as GET shows them: what was there, what was sent, what the service fills in; write-only members dropped.
fn completed(
    world: &mut World,
    sent: Map<String, Value>,
    name: &str,
    before: Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let mut all = before;
    for (member, value) in sent {
        match (all.get_mut(&member), value) {
            // Blocks merge, as the provider's PATCH does below the first level.
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => {
                all.insert(member, value);
            }
        }
    }
    for secret in ["administratorLoginPassword", "createMode", "pointInTimeUTC"] {
        all.remove(secret);
    }
    let injected = text(&Value::Object(all.clone()), "/network/delegatedSubnetResourceId").is_some();
    let defaults = json!({
        "storage": { "storageSizeGB": 32, "autoGrow": "Disabled", "type": "Premium_LRS" },
        "backup": { "backupRetentionDays": 7, "geoRedundantBackup": "Disabled" },
        "network": { "publicNetworkAccess": if injected { "Disabled" } else { "Enabled" } },
        "highAvailability": { "mode": "Disabled", "state": "NotEnabled" },
        "maintenanceWindow": { "customWindow": "Disabled", "dayOfWeek": 0, "startHour": 0, "startMinute": 0 },
        "authConfig": { "activeDirectoryAuth": "Disabled", "passwordAuth": "Enabled" },
        "dataEncryption": { "type": "SystemManaged" },
        "replica": { "role": "Primary", "capacity": 5 },
        "replicationRole": "Primary", "replicaCapacity": 5, "privateEndpointConnections": [], "minorVersion": "4",
        "availabilityZone": "1", "fullyQualifiedDomainName": fqdn(name)
    });
    fill(&mut all, defaults);
    if injected {
        set_in(&mut all, "network", "publicNetworkAccess", json!("Disabled"));
    }
    storage(&mut all)?;
    high_availability(&mut all);
    let earliest = clock::wire(clock::later(world.now, std::time::Duration::from_secs(300)));
    if let Some(backup) = all.get_mut("backup").and_then(Value::as_object_mut) {
        backup.entry("earliestRestoreDate").or_insert(json!(earliest));
    }
    Ok(all)
}

fn fill(all: &mut Map<String, Value>, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    for (name, default) in defaults {
        match (all.get_mut(&name), default) {
            (Some(Value::Object(there)), Value::Object(default)) => {
                for (member, value) in default {
                    there.entry(member).or_insert(value);
                }
            }
            (Some(_), _) => {}
            (None, default) => {
                all.insert(name, default);
            }
        }
    }
}

fn set_in(all: &mut Map<String, Value>, block: &str, member: &str, value: Value) {
    if let Some(block) = all.get_mut(block).and_then(Value::as_object_mut) {
        block.insert(member.to_owned(), value);
    }
}

fn storage(all: &mut Map<String, Value>) -> Result<(), Refusal> {
    let view = Value::Object(all.clone());
    if !matches!(text(&view, "/storage/type"), None | Some("Premium_LRS")) {
        return Ok(());
    }
    let size = view
        .pointer("/storage/storageSizeGB")
        .and_then(Value::as_u64)
        .unwrap_or(32);
    let Some((_, tier, _)) = DISKS.iter().find(|(disk, _, _)| *disk == size) else {
        let sizes: Vec<String> = DISKS.iter().map(|(disk, _, _)| disk.to_string()).collect();
        let message = format!("Storage size {size} GB is not offered. Sizes: {}.", sizes.join(", "));
        return Err(Refusal::bad_request("InvalidParameterValue", message));
    };
    let tier = text(&view, "/storage/tier").unwrap_or(tier).to_owned();
    let iops = DISKS.iter().find(|(_, of, _)| *of == tier).map(|(_, _, iops)| *iops);
    set_in(all, "storage", "type", json!("Premium_LRS"));
    set_in(all, "storage", "tier", json!(tier));
    if let Some(iops) = iops {
        set_in(all, "storage", "iops", json!(iops));
    }
    Ok(())
}

fn high_availability(all: &mut Map<String, Value>) {
    let view = Value::Object(all.clone());
    let on = text(&view, "/highAvailability/mode").is_some_and(|mode| mode != "Disabled");
    set_in(
        all,
        "highAvailability",
        "state",
        json!(if on { "Healthy" } else { "NotEnabled" }),
    );
    if on && text(&view, "/highAvailability/standbyAvailabilityZone").is_none() {
        let same = text(&view, "/highAvailability/mode") == Some("SameZone");
        set_in(
            all,
            "highAvailability",
            "standbyAvailabilityZone",
            json!(if same { "1" } else { "2" }),
        );
    }
}
