//! The example payloads of the public contract, `schemas/arm/examples`: what the client reads of each answer is what stands in
//! it, and where pgferry sends such a body, it sends what the example does. No process but for the steps of a migration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pgferry::arm::Condition;
use pgferry::arm::http::Response;
use pgferry::arm::migration::{Migration, Validation};
use pgferry::arm::{ArmId, Cloud, Outputs, ServiceError};
use pgferry::azure::decode;
use pgferry::config::{Inputs, Program, Sources, UnsetSensitive, parse};
use pgferry::graph::Graph;
use pgferry::kind::{self, Defaults, OnChange, Thing, member};
use serde_json::{Value as Json, json};

use crate::support::Ferry;

const SUBSCRIPTION: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arm/examples")
}

/// Every example, by its path below the folder and without its ending.
fn examples() -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let name = path.strip_prefix(folder()).unwrap().with_extension("");
                let text = fs::read_to_string(&path).unwrap();
                // Whose subscription it is differs from example to example, and is not always an id.
                let text = ["subid", "subId", "subscriptionId", "virtualNetworkSubscriptionId"]
                    .iter()
                    .fold(text, |text, word| {
                        text.replace(
                            &format!("/subscriptions/{word}/"),
                            &format!("/subscriptions/{SUBSCRIPTION}/"),
                        )
                    });
                found.insert(name.to_str().unwrap().to_owned(), serde_json::from_str(&text).unwrap());
            }
        }
    }
    found
}

/// The body that an example sends.
fn request(example: &Json) -> Option<&Json> {
    let recorded = example.pointer("/request/body");
    let parameters = example.get("parameters").and_then(Json::as_object);
    // One sample repeats a member of its body beside it.
    let published = parameters
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "extendedLocation");
    let mut bodies = published
        .map(|(_, value)| value)
        .chain(recorded)
        .filter(|body| body.is_object());
    bodies.next()
}

/// The objects that an example is answered with.
fn answers(example: &Json) -> Vec<&Json> {
    let published = example.get("responses").and_then(Json::as_object).into_iter().flatten();
    let published = published.filter_map(|(_, answer)| answer.get("body"));
    let all = published.chain(example.pointer("/response/body"));
    let objects = all.flat_map(|body| match body.get("value").and_then(Json::as_array) {
        Some(list) => list.iter().collect(),
        None => vec![body],
    });
    objects.filter(|body| body.is_object()).collect()
}

/// Every leaf of a document, by its pointer.
fn leaves(json: &Json, at: &str, found: &mut BTreeMap<String, Json>) {
    match json {
        Json::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                leaves(value, &format!("{at}/{key}"), found);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (number, value) in items.iter().enumerate() {
                leaves(value, &format!("{at}/{number}"), found);
            }
        }
        // An instant can be written in several ways.
        Json::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {
            let instant: jiff::Timestamp = text.parse().unwrap();
            found.insert(at.to_owned(), instant.to_string().into());
        }
        // What is empty is the same as none.
        Json::Null | Json::Array(_) | Json::Object(_) => {}
        Json::String(text) if text.is_empty() => {}
        leaf => drop(found.insert(at.to_owned(), leaf.clone())),
    }
}

/// In what two bodies differ: `+` what we say more, `-` what the example says more, `~` what is said otherwise. A secret is
/// like any other.
fn differences(ours: &Json, example: &Json) -> Vec<String> {
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    leaves(ours, "", &mut left);
    leaves(example, "", &mut right);
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let told = keys
        .into_iter()
        .filter_map(|key| match (left.get(key), right.get(key)) {
            (Some(ours), None) => Some(format!("+ {key} {ours}")),
            (None, Some(theirs)) => Some(format!("- {key} {theirs}")),
            (Some(Json::String(ours)), Some(Json::String(_))) if ours.starts_with("(sensitive ") => None,
            (Some(Json::String(ours)), Some(Json::String(theirs))) if is_same_id(ours, theirs) => None,
            (Some(ours), Some(theirs)) if ours != theirs => Some(format!("~ {key} {ours} {theirs}")),
            (Some(_), Some(_)) | (None, None) => None,
        });
    told.collect()
}

/// The examples do not agree on how a provider is spelled.
fn is_same_id(one: &str, other: &str) -> bool {
    one.starts_with("/subscriptions/") && one.eq_ignore_ascii_case(other)
}

fn declared(text: &str) -> Graph {
    let text = format!("variable \"password\" {{\n  type      = string\n  sensitive = true\n}}\n{text}");
    let mut sources = Sources::from_texts([("main.hcl", text.as_str())]);
    let program = Program {
        configuration: parse(&mut sources).unwrap(),
        inputs: Inputs::none(&sources).with_unset_sensitive(UnsetSensitive::MadeUp),
        defaults: Defaults {
            cloud: Cloud::Simulator,
            subscription: SUBSCRIPTION.parse().ok(),
            tenant: None,
            resource_group: Some("exampleresourcegroup".into()),
            location: Some("eastus".into()),
            tags: BTreeMap::new(),
        },
    };
    let mut outputs = Outputs::default();
    outputs.insert(&"target.t".parse().unwrap(), "region", json!("eastus"));
    program.declare(&outputs).unwrap().graph
}

/// The body of one object of a configuration, and how its kind compares objects.
fn thing(text: &str, address: &str) -> (Json, &'static Thing) {
    let graph = declared(text);
    let mut all = graph.iter().flat_map(|declaration| declaration.things());
    let (unit, thing) = all.find(|(unit, _)| unit.address.to_string() == address).unwrap();
    (unit.body.to_shown(), thing)
}

/// An object as a published request makes it: which request, what part of it, what is written in a configuration for the same,
/// the object's address, and in what the bodies differ.
struct Sent {
    example: &'static str,
    part: &'static str,
    text: &'static str,
    address: &'static str,
    differs: &'static [&'static str],
}

const THINGS: [Sent; 7] = [
    Sent {
        example: "virtualNetworkPeerings/VirtualNetworkPeeringCreate",
        part: "",
        text: r#"
network "a" {
  name           = "vnet1"
  resource_group = "peerTest"
}
network "b" {
  name           = "vnet2"
  resource_group = "peerTest"
}
vnet_peering "p" {
  from         = network.a
  to           = network.b
  forward_name = "peer"
  forward { allow_forwarded_traffic = true }
}
"#,
        address: "vnet_peering.p#forward",
        differs: &[],
    },
    Sent {
        example: "privateDnsZones/PrivateZonePut",
        part: "",
        text: "dns_zone \"z\" {\n  name = \"privatezone1.com\"\n  tags = { key1 = \"value1\" }\n}\n",
        address: "dns_zone.z",
        // Whose it is is added when it is made.
        differs: &["~ /location \"global\" \"Global\""],
    },
    Sent {
        example: "privateDnsZones/VirtualNetworkLinkPut",
        part: "",
        text: r#"
network "n" {
  name           = "virtualNetworkName"
  resource_group = "virtualNetworkResourceGroup"
}
dns_zone "z" { name = "privatezone1.com" }
dns_link "l" {
  zone     = dns_zone.z
  networks = [network.n]
}
"#,
        address: "dns_link.l#n",
        differs: &["~ /location \"global\" \"Global\"", "- /tags/key1 \"value1\""],
    },
    Sent {
        example: "privateEndpoints/PrivateEndpointCreate",
        part: "",
        text: r#"
network "n" {
  name           = "myVnet"
  resource_group = "rg1"
}
target "t" {
  name           = "testPls"
  resource_group = "rg1"
  admin_username = "a"
  admin_password = var.password
}
private_endpoint "e" {
  server   = target.t
  network  = network.n
  subnet   = "mySubnet"
  name     = "testPe"
  location = "eastus2euap"
}
"#,
        address: "private_endpoint.e",
        // The example is about another service, and asks for an address of its choice.
        differs: &[
            "- /properties/customNetworkInterfaceName \"testPeNic\"",
            "- /properties/ipConfigurations/0/name \"pestaticconfig\"",
            "- /properties/ipConfigurations/0/properties/groupId \"file\"",
            "- /properties/ipConfigurations/0/properties/memberName \"file\"",
            "- /properties/ipConfigurations/0/properties/privateIPAddress \"192.168.0.6\"",
            "+ /properties/privateLinkServiceConnections/0/name \"testPe\"",
            "~ /properties/privateLinkServiceConnections/0/properties/groupIds/0 \"postgresqlServer\" \"groupIdFromResource\"",
            "~ /properties/privateLinkServiceConnections/0/properties/privateLinkServiceId \"/subscriptions/ffffffff-ffff-ffff-ffff-ffffffffffff/resourceGroups/rg1/providers/Microsoft.DBforPostgreSQL/flexibleServers/testPls\" \"/subscriptions/ffffffff-ffff-ffff-ffff-ffffffffffff/resourceGroups/rg1/providers/Microsoft.Network/privateLinkServices/testPls\"",
            "- /properties/privateLinkServiceConnections/0/properties/requestMessage \"Please approve my connection.\"",
        ],
    },
    Sent {
        example: "privateEndpoints/PrivateEndpointDnsZoneGroupCreate",
        part: "",
        text: r#"
network "n" { name = "myVnet" }
target "t" {
  name           = "pg-target"
  admin_username = "a"
  admin_password = var.password
}
dns_zone "z" {
  name           = "zone1.com"
  resource_group = "rg1"
}
private_endpoint "e" {
  server  = target.t
  network = network.n
  subnet  = "mySubnet"
}
dns_zone_group "g" {
  endpoint = private_endpoint.e
  zones    = [dns_zone.z]
}
"#,
        address: "dns_zone_group.g",
        differs: &["+ /properties/privateDnsZoneConfigs/0/name \"zone1-com\""],
    },
    Sent {
        example: "flexibleServers-firewallRules/FirewallRulesCreateOrUpdate",
        part: "",
        text: r#"
target "t" {
  name           = "exampleserver"
  admin_username = "a"
  admin_password = var.password
}
firewall_rule "r" {
  server           = target.t
  start_ip_address = "0.0.0.0"
  end_ip_address   = "255.255.255.255"
}
"#,
        address: "firewall_rule.r",
        differs: &[],
    },
    Sent {
        example: "networkSecurityGroups/NetworkSecurityGroupCreateWithRule",
        part: "/properties/securityRules/0",
        text: r#"
security_group "g" { name = "testnsg" }
security_rule "rule1" {
  security_group             = security_group.g
  priority                   = 130
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "*"
  source_address_prefix      = "*"
  destination_address_prefix = "*"
  destination_port_range     = "80"
}
"#,
        address: "security_rule.rule1",
        // Inside its group a rule says its name; as an object of its own it has it in its id.
        differs: &["- /name \"rule1\""],
    },
];

#[test]
fn objects_are_made_as_the_published_requests_make_them_and_their_answers_read_as_what_was_sent() {
    let examples = examples();
    let mut wrong = Vec::new();
    for sent in THINGS {
        let example = &examples[sent.example];
        let (ours, thing) = thing(sent.text, sent.address);
        let theirs = request(example).unwrap().pointer(sent.part).unwrap();
        let told = differences(&ours, theirs);
        if told != sent.differs {
            wrong.push((sent.example, told));
        }
        for answer in answers(example) {
            // The first reply of a PostgreSQL write is no object.
            let Some(answer) = answer
                .pointer(sent.part)
                .filter(|answer| answer.get("operation").is_none())
            else {
                continue;
            };
            let compared = thing.fields.iter().filter(|field| field.change != OnChange::CreateOnly);
            for field in compared {
                let read = |json| member(json, field.path).cloned().unwrap_or(Json::Null);
                let (before, after) = (read(theirs), read(answer));
                if !field.compare.same(&before, &after) {
                    wrong.push((sent.example, vec![format!("{}: {before} {after}", field.attribute)]));
                }
            }
            if Condition::of(answer) != Condition::Settled {
                wrong.push((sent.example, vec![format!("{:?}", Condition::of(answer))]));
            }
        }
    }
    assert_eq!(wrong, []);
}

const SINGLE: &str = "server_id = \"/subscriptions/ffffffff-ffff-ffff-ffff-ffffffffffff/resourceGroups/exampleresourcegroup/providers/Microsoft.DBForPostgreSql/servers/examplesource\"\n  type = \"postgresql_single_server\"\n  username = \"newadmin@examplesource\"";

/// What is always said, though it could be left out.
const ROLES: &str = "+ /properties/migrateRoles \"False\"";
const OPTION: &str = "+ /properties/migrationOption \"ValidateAndMigrate\"";
const OVERWRITE: &str = "+ /properties/overwriteDbsInTarget \"True\"";
const SOURCE_USER: &str = "+ /properties/secretParameters/sourceServerUsername \"newadmin@examplesource\"";
const TARGET_USER: &str = "+ /properties/secretParameters/targetServerUsername \"targetadmin\"";
const REPLICATION: &str = "+ /properties/setupLogicalReplicationOnSourceDbIfNeeded \"False\"";
const TYPE: &str = "+ /properties/sourceType \"PostgreSQLSingleServer\"";
const TLS: &str = "+ /properties/sslMode \"VerifyFull\"";

/// A migration as a published request makes it: what is written of source, target and batch, and in what the bodies differ.
const MIGRATIONS: [(&str, [&str; 3], &[&str]); 8] = [
    (
        "constructed/MigrationsCreateOnline",
        [
            "type = \"on_premises\"\n  host = \"examplesource.contoso.com\"\n  username = \"exampleuser\"\n  ssl_mode = \"require\"",
            "targetadmin",
            "mode = \"online\"\n  runtime_server = runtime_server.r",
        ],
        &[ROLES],
    ),
    (
        "MigrationsCreateOtherSourceTypesValidateMigrate",
        [
            "type = \"on_premises\"\n  host = \"examplesource\"\n  username = \"exampleuser\"",
            "targetadmin",
            "",
        ],
        &[
            ROLES,
            "+ /properties/secretParameters/sourceServerUsername \"exampleuser\"",
            TARGET_USER,
            REPLICATION,
        ],
    ),
    (
        "MigrationsCreateWithOtherUsers",
        [SINGLE, "targetadmin", ""],
        &[ROLES, OPTION, OVERWRITE, REPLICATION, TYPE, TLS],
    ),
    (
        "MigrationsCreate",
        [SINGLE, "targetadmin", ""],
        &[ROLES, OPTION, SOURCE_USER, TARGET_USER, REPLICATION, TYPE, TLS],
    ),
    (
        "MigrationsCreateValidateOnly",
        [SINGLE, "targetadmin", "option = \"validate\""],
        &[ROLES, SOURCE_USER, TARGET_USER, REPLICATION, TYPE, TLS],
    ),
    (
        "MigrationsCreateWithRoles",
        [SINGLE, "targetadmin", "migrate_roles = true"],
        &[OPTION, SOURCE_USER, TARGET_USER, REPLICATION, TYPE, TLS],
    ),
    (
        "MigrationsCreateWithFullyQualifiedDomainName",
        [
            SINGLE,
            "targetadmin",
            "source_fqdn = \"examplesource.contoso.com\"\n  target_fqdn = \"exampletarget.contoso.com\"",
        ],
        &[ROLES, OPTION, SOURCE_USER, TARGET_USER, REPLICATION, TYPE, TLS],
    ),
    (
        "MigrationsCreateWithPrivateEndpointServers",
        [SINGLE, "targetadmin", "runtime_server = runtime_server.r"],
        &[ROLES, OPTION, SOURCE_USER, TARGET_USER, REPLICATION, TYPE, TLS],
    ),
];

#[test]
fn migrations_are_made_as_the_published_requests_make_them() {
    let examples = examples();
    let mut wrong = Vec::new();
    for (name, [source, admin, batch], differs) in MIGRATIONS {
        let theirs = request(&examples[&format!("flexibleServers-migrations/{name}")]).unwrap();
        let runtime = theirs["properties"]["migrationInstanceResourceId"].as_str();
        let runtime = runtime.and_then(|id| id.rsplit('/').next()).unwrap_or("unused");
        let text = format!(
            "network \"n\" {{ name = \"n\" }}\n\
             source \"s\" {{\n  {source}\n  password = var.password\n}}\n\
             target \"t\" {{\n  name = \"exampleserver\"\n  admin_username = \"{admin}\"\n  admin_password = var.password\n}}\n\
             runtime_server \"r\" {{\n  name = \"{runtime}\"\n  network = network.n\n}}\n\
             database_batch \"b\" {{\n  source = source.s\n  target = target.t\n  \
             databases = [for n in range(1, 5) : \"exampledatabase${{n}}\"]\n  {batch}\n}}\n"
        );
        let graph = declared(&text);
        let (_, batch) = graph.batches().next().unwrap();
        let ours = batch.body(&batch.databases, true).to_shown();
        let told = differences(&ours, theirs);
        if told != differs {
            wrong.push((name, told));
        }
    }
    assert_eq!(wrong, []);
}

/// Members of a migration that the client does not read: it has asked for them itself, or nothing hangs on them.
const UNREAD: [&str; 17] = [
    "cancel",
    "dbsToCancelMigrationOn",
    "dbsToTriggerCutoverOn",
    "id",
    "location",
    "migrateRoles",
    "name",
    "overwriteDbsInTarget",
    "setupLogicalReplicationOnSourceDbIfNeeded",
    "sourceDbServerFullyQualifiedDomainName",
    "sourceDbServerMetadata",
    "sslMode",
    "startDataMigration",
    "targetDbServerFullyQualifiedDomainName",
    "targetDbServerMetadata",
    "targetDbServerResourceId",
    "triggerCutover",
];

/// Whether nobody reads the member at this pointer.
fn is_unread(pointer: &str) -> bool {
    let keys: Vec<&str> = pointer.split('/').collect();
    let last = keys.last().copied().unwrap_or_default();
    let first = if keys.get(1) == Some(&"properties") { 2 } else { 1 };
    let is_of_validation = keys.contains(&"validationDetails");
    keys.get(first).is_some_and(|key| UNREAD.contains(key))
        || pointer == "/type"
        // The key of the map says it.
        || keys.contains(&"dbDetails") && ["databaseName", "migrationOperation"].contains(&last)
        || is_of_validation && ["startedOn", "endedOn", "validationStartTimeInUtc", "validationEndTimeInUtc"].contains(&last)
        // What counts is the state of the check.
        || is_of_validation && keys.contains(&"messages") && last == "state"
}

/// A migration as the service writes it, from nothing but what was read of it.
fn written(migration: &Migration) -> Json {
    let progress = migration.progress.iter().map(|(name, database)| {
        let json = json!({
            "migrationState": database.state.as_str(),
            "fullLoadQueuedTables": database.tables.queued,
            "fullLoadLoadingTables": database.tables.loading,
            "fullLoadCompletedTables": database.tables.completed,
            "fullLoadErroredTables": database.tables.errored,
            "cdcInsertCounter": database.changes.inserts,
            "cdcUpdateCounter": database.changes.updates,
            "cdcDeleteCounter": database.changes.deletes,
            "incomingChanges": database.changes.incoming,
            "appliedChanges": database.changes.applied,
            "latency": database.latency,
            "message": database.message,
            "startedOn": database.started.map(|at| at.to_string()),
            "endedOn": database.ended.map(|at| at.to_string()),
        });
        (name.clone(), json)
    });
    json!({
        "properties": {
            "migrationId": migration.run_id,
            "currentStatus": {
                "state": migration.state.as_str(),
                "error": migration.error,
                "currentSubStateDetails": {
                    "currentSubState": migration.substate.as_ref().map(|substate| substate.as_str()),
                    "dbDetails": progress.collect::<serde_json::Map<_, _>>(),
                    "validationDetails": migration.validation.as_ref().map(written_validation),
                },
            },
            "migrationOption": migration.option.as_str(),
            "migrationMode": migration.mode.as_str(),
            "sourceType": migration.source_type,
            "sourceDbServerResourceId": migration.source,
            "migrationInstanceResourceId": migration.runtime.as_ref().map(|id| id.as_str()),
            "dbsToMigrate": migration.databases,
            "migrationWindowStartTimeInUtc": migration.started.map(|at| at.to_string()),
            "migrationWindowEndTimeInUtc": migration.ended.map(|at| at.to_string()),
        },
        "tags": migration.tags,
    })
}

fn written_validation(validation: &Validation) -> Json {
    let mut server = Vec::new();
    let mut databases: Vec<(String, Vec<Json>)> = Vec::new();
    for check in &validation.checks {
        let messages = check.messages.iter().map(|message| json!({ "message": message }));
        let json = json!({
            "type": check.name, "state": check.verdict.as_str(), "messages": messages.collect::<Vec<_>>(),
        });
        match (&check.database, databases.last_mut()) {
            (None, _) => server.push(json),
            (Some(name), Some((last, checks))) if last == name => checks.push(json),
            (Some(name), _) => databases.push((name.clone(), vec![json])),
        }
    }
    let databases = databases.into_iter();
    let databases = databases.map(|(name, checks)| json!({ "databaseName": name, "summary": checks }));
    json!({
        "status": validation.verdict.as_ref().map(|verdict| verdict.as_str()),
        "serverLevelValidationDetails": server,
        "dbLevelValidationDetails": databases.collect::<Vec<_>>(),
    })
}

/// In what a migration differs from what was read of it, but for what nobody reads.
fn lost(migration: &Migration, answer: &Json) -> Vec<String> {
    let mut told = differences(&written(migration), answer);
    told.retain(|line| {
        let pointer = line.split(' ').nth(1).unwrap();
        // Without a word a migration is offline (contract 5.2).
        !is_unread(pointer) && line != "+ /properties/migrationMode \"Offline\""
    });
    told
}

/// Examples in whose answers is nothing for the client.
const NOTHING_TO_READ: [&str; 22] = [
    // First replies of PostgreSQL writes, which name an operation, and no object.
    "flexibleServers-configurations/ConfigurationsUpdate",
    "flexibleServers-databases/DatabasesCreate",
    "flexibleServers-firewallRules/FirewallRulesCreateOrUpdate",
    // Names that are free.
    "flexibleServers-migrations/MigrationsCheckNameAvailability",
    // Requests alone.
    "flexibleServers-migrations/constructed/MigrationsCreateOnline",
    "flexibleServers-migrations/constructed/MigrationsUpdateCancel",
    "flexibleServers-migrations/constructed/MigrationsUpdateTriggerCutover",
    "flexibleServers-migrations/recorded/CheckMigrationNameAvailability",
    // A list without members.
    "flexibleServers-migrations/recorded/MigrationsListActiveEmpty",
    "flexibleServers-privateEndpointConnections/PrivateEndpointConnectionsUpdate",
    "flexibleServers/NameAvailabilityCheckWithLocation",
    // What belongs to a region, and to no object.
    "flexibleServers/PrivateDnsZoneSuffixGet",
    // Servers are made and changed by others.
    "flexibleServers/ServersCreateInMicrosoftOwnedVirtualNetworkWithZoneRedundantHighAvailability",
    "flexibleServers/ServersCreateInYourOwnVirtualNetworkWithSameZoneHighAvailability",
    "flexibleServers/ServersUpdate",
    "flexibleServers/VirtualNetworkSubnetUsageList",
    // Operations on their way, which `src/azure/tests/lro.rs` follows.
    "flexibleServers/recorded/AsyncOperationPoll",
    "flexibleServers/recorded/CapabilitiesByLocation-excerpt",
    "flexibleServers/recorded/NameAvailabilityCheckWithLocation",
    "flexibleServers/recorded/ServersCreate",
    "flexibleServers/recorded/ServersDelete",
    "virtualNetworks/recorded/VirtualNetworksCreate-request",
];

#[test]
fn nothing_that_the_client_reads_of_an_answer_is_lost() {
    let mut unread = Vec::new();
    let mut migrations = 0;
    let mut all_lost = Vec::new();
    for (name, example) in examples() {
        let mut read = 0;
        for answer in answers(&example) {
            // Every object, and every answer that names one, tells its id.
            if let Some(id) = answer.get("id").and_then(Json::as_str) {
                let known: ArmId = id.parse().unwrap();
                assert_eq!(known.as_str(), id, "{name}");
                read += 1;
            }
            let properties = answer.get("properties").unwrap_or(&Json::Null);
            if properties.get("currentStatus").is_some() && !name.contains("legacy") {
                let id = answer["id"].as_str().unwrap().parse().unwrap();
                let lost = lost(&Migration::read(id, answer), answer);
                all_lost.extend(lost.into_iter().map(|line| format!("{name}: {line}")));
                migrations += 1;
            }
            if name.starts_with("flexibleServers/") && properties.get("fullyQualifiedDomainName").is_some() {
                for kind in ["target", "runtime_server"] {
                    let told: BTreeMap<_, _> = kind::outputs_of(kind::find(kind).unwrap(), answer)
                        .into_iter()
                        .collect();
                    assert_eq!(told["fqdn"], properties["fullyQualifiedDomainName"], "{name}");
                    assert_eq!(told["version"], properties["version"], "{name}");
                    assert_eq!(told["region"], answer["location"], "{name}");
                }
            }
        }
        if name.starts_with("errors/") {
            read += 1;
            let error = error(&example);
            let body = example.get("error").unwrap_or(&example);
            assert_eq!(body["code"], error.code, "{name}");
            assert_eq!(body["message"], error.message, "{name}");
            let details = body.get("details").and_then(Json::as_array).map_or(0, Vec::len);
            assert_eq!(error.details.len(), details, "{name}");
        }
        if read == 0 {
            unread.push(name);
        }
    }
    assert_eq!(all_lost, Vec::<String>::new());
    assert!(migrations >= 20, "only {migrations} answers are migrations");
    assert_eq!(unread, NOTHING_TO_READ);
}

fn error(example: &Json) -> ServiceError {
    let response = |status| Response {
        status,
        headers: Vec::new(),
        body: example.to_string().into_bytes(),
    };
    match example["status"].as_str() {
        Some(state) => decode::operation_error(state, example, &response(200)),
        None => decode::service_error(&response(409)),
    }
}

#[test]
fn a_cutover_and_a_cancel_are_sent_as_the_examples_have_them() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let second = "database_batch.wave1#2";
    let _ = ferry.run(&["cancel", second, "--accept-loss", second]);
    let entries = ferry.entries();
    let sent = |path: &str, method: &str| {
        let mut all = entries.iter().filter(|entry| {
            let at = entry["path"].as_str().unwrap();
            entry["method"] == method && at.split('?').next().unwrap().ends_with(path)
        });
        all.next().unwrap()["body"].clone()
    };
    let examples = examples();
    for (migration, example, list) in [
        ("wave1m1", "MigrationsUpdateTriggerCutover", "dbsToTriggerCutoverOn"),
        ("wave1m2", "MigrationsUpdateCancel", "dbsToCancelMigrationOn"),
    ] {
        let path = format!("/migrations/{migration}");
        let mut expected = request(&examples[&format!("flexibleServers-migrations/constructed/{example}")])
            .unwrap()
            .clone();
        expected["properties"][list] = sent(&path, "PUT")["properties"]["dbsToMigrate"].clone();
        assert_eq!(sent(&path, "PATCH"), expected);
    }
}
