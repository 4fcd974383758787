//! What pgferry sends to make a migration, compared with what the CLI sends for the same wish. What may differ stands in one table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::cli::Az;
use crate::support::Ferry;

/// A difference that may be.
struct Allowed {
    /// The member, as a JSON pointer.
    member: &'static str,
    /// Whether ours and theirs are as they may be.
    holds: fn(Option<&Json>, Option<&Json>) -> bool,
}

/// All that may differ, each with its reason. A row that no wish needs is taken out again.
const ALLOWED: &[Allowed] = &[
    // The CLI goes with the newest preview that its library knows; fields and words of migrations are the same in both.
    Allowed {
        member: "/api-version",
        holds: |ours, theirs| ours == Some(&json!("2025-08-01")) && theirs == Some(&json!("2026-04-01-preview")),
    },
    // The target's region as Azure spells it, and the group's location, which the CLI takes for the target's.
    Allowed {
        member: "/location",
        holds: |ours, theirs| ours == Some(&json!("West Europe")) && theirs == Some(&json!("westeurope")),
    },
    // The order of databases means nothing; ours is that of their names.
    Allowed {
        member: "/properties/dbsToMigrate",
        holds: |ours, theirs| same_set(ours, theirs),
    },
    // The service takes any case and answers with ours.
    Allowed {
        member: "/properties/migrationMode",
        holds: |ours, theirs| same_word(ours, theirs),
    },
    // The CLI has no words for roles; what it does not send is `False`.
    Allowed {
        member: "/properties/migrateRoles",
        holds: |ours, theirs| ours.is_some() && theirs.is_none(),
    },
    // Whose a migration is.
    Allowed {
        member: "/tags",
        holds: |ours, theirs| ours.is_some() && theirs.is_none(),
    },
];

fn same_word(ours: Option<&Json>, theirs: Option<&Json>) -> bool {
    let word = |value: Option<&Json>| Some(value?.as_str()?.to_lowercase());
    word(ours).is_some() && word(ours) == word(theirs)
}

fn same_set(ours: Option<&Json>, theirs: Option<&Json>) -> bool {
    let set = |list: Option<&Json>| -> Option<BTreeSet<String>> {
        let names = list?.as_array()?.iter();
        names.map(|name| name.as_str().map(str::to_owned)).collect()
    };
    set(ours).is_some() && set(ours) == set(theirs)
}

/// The same wish in both languages.
struct Wish {
    /// The source's block.
    source: &'static str,
    /// What the batch's block says beside its ends.
    batch: &'static str,
    /// What the command says.
    flags: &'static [&'static str],
    /// What the properties file says beside the ends and the passwords.
    properties: Json,
}

const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data";

fn wishes() -> Vec<Wish> {
    let of = |source, batch, flags, properties| Wish {
        source,
        batch,
        flags,
        properties,
    };
    let provider = format!("{GROUP}/providers/Microsoft.DBforPostgreSQL");
    vec![
        of(
            "erp",
            "databases = [\"hrdb\"]",
            &[],
            json!({ "DbsToMigrate": ["hrdb"] }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\", \"crmdb\"]\n  mode = \"online\"",
            &["--migration-mode", "online"],
            json!({ "DbsToMigrate": ["hrdb", "crmdb"] }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  option = \"validate\"",
            &["--migration-option", "Validate"],
            json!({ "DbsToMigrate": ["hrdb"] }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  option = \"migrate\"",
            &["--migration-option", "Migrate"],
            json!({ "DbsToMigrate": ["hrdb"] }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  mode = \"online\"\n  runtime_server = runtime_server.shared",
            &["--migration-mode", "online"],
            json!({
                "DbsToMigrate": ["hrdb"],
                "MigrationRuntimeResourceId": format!("{provider}/flexibleServers/pg-runtime"),
            }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  source_fqdn = \"erp.example.net\"\n  target_fqdn = \"10.3.0.4\"",
            &[],
            json!({
                "DbsToMigrate": ["hrdb"],
                "SourceDbServerFullyQualifiedDomainName": "erp.example.net",
                "TargetDbServerFullyQualifiedDomainName": "10.3.0.4",
            }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\", \"postgres\"]\n  accept_loss = { hrdb = \"overwrite\", postgres = \"overwrite\" }",
            &[],
            json!({ "DbsToMigrate": ["hrdb", "postgres"], "OverwriteDbsInTarget": "TRUE" }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  mode = \"online\"\n  setup_logical_replication = true",
            &["--migration-mode", "online"],
            json!({ "DbsToMigrate": ["hrdb"], "SetupLogicalReplicationOnSourceDbIfNeeded": "true" }),
        ),
        of(
            "erp",
            "databases = [\"hrdb\"]\n  migrate_roles = true",
            &[],
            json!({ "DbsToMigrate": ["hrdb"] }),
        ),
        of(
            "aws",
            "databases = [\"Käse & \\\"Brot\\\"\", \"semi;colon\"]",
            &[],
            json!({ "DbsToMigrate": ["Käse & \"Brot\"", "semi;colon"] }),
        ),
        of(
            "single",
            "databases = [\"hrdb\"]",
            &[],
            json!({ "DbsToMigrate": ["hrdb"] }),
        ),
    ]
}

/// What the properties file says of a source.
fn source(name: &str) -> Json {
    let (id, kind, mode, user) = match name {
        "erp" => ("10.1.0.4:5432@migrator", "OnPremises", "Require", "migrator"),
        "aws" => (
            "shop.rds.example.net:6432@migrator@shop",
            "AWS_RDS",
            "Prefer",
            "migrator@shop",
        ),
        _ => (
            "/providers/Microsoft.DBforPostgreSQL/servers/pg-old",
            "PostgreSQLSingleServer",
            "VerifyFull",
            "migrator@pg-old",
        ),
    };
    let id = match id.starts_with('/') {
        true => format!("{GROUP}{id}"),
        false => id.to_owned(),
    };
    let credentials = json!({ "SourceServerPassword": "source's", "TargetServerPassword": "target's" });
    json!({
        "SourceDbServerResourceId": id,
        "SourceType": kind,
        "SslMode": mode,
        "SecretParameters": {
            "AdminCredentials": credentials,
            "SourceServerUsername": user,
            "TargetServerUsername": "pgadmin",
        },
    })
}

const SOURCES: &str = r#"
source "erp" {
  type     = "on_premises"
  host     = "10.1.0.4"
  username = "migrator"
  password = var.erp_password
  ssl_mode = "require"
}

source "aws" {
  type     = "aws_rds"
  host     = "shop.rds.example.net"
  port     = 6432
  username = "migrator@shop"
  password = var.erp_password
}

source "single" {
  type      = "postgresql_single_server"
  server_id = "SINGLE"
  username  = "migrator@pg-old"
  password  = var.erp_password
}

network "runtime" {
  name = "vnet-runtime"
}

runtime_server "shared" {
  name    = "pg-runtime"
  network = network.runtime
}
"#;

/// A project with a batch and a target for each wish.
fn project(wishes: &[Wish]) -> Ferry {
    let ferry = Ferry::example("quickstart");
    let text = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let head = text.split("locals {").next().unwrap();
    let single = format!("{GROUP}/providers/Microsoft.DBforPostgreSQL/servers/pg-old");
    let mut project = format!("{head}{}", SOURCES.replace("SINGLE", &single));
    for (number, Wish { source, batch, .. }) in wishes.iter().enumerate() {
        project.push_str(&format!(
            "\ntarget \"t{number}\" {{\n  name = \"pg-t{number}\"\n  admin_username = \"pgadmin\"\n  \
             admin_password = var.target_password\n}}\n\ndatabase_batch \"w{number}\" {{\n  source = source.{source}\n  \
             target = target.t{number}\n  max_concurrent = 50\n  {batch}\n}}\n"
        ));
    }
    ferry.write("main.hcl", &project);
    ferry.world(|world| {
        let objects = world["objects"].as_array_mut().unwrap();
        let target = objects
            .iter()
            .find(|object| object["name"] == "pg-erp-prod")
            .unwrap()
            .to_string();
        for number in 0..wishes.len() {
            let clone = target.replace("pg-erp-prod", &format!("pg-t{number}"));
            objects.push(serde_json::from_str(&clone).unwrap());
        }
        objects.push(json!({
            "id": single, "name": "pg-old", "type": "Microsoft.DBforPostgreSQL/servers", "location": "westeurope",
            "properties": { "administratorLogin": "migrator", "version": "11", "userVisibleState": "Ready",
                "fullyQualifiedDomainName": "pg-old.postgres.database.azure.com" },
        }));
    });
    ferry
}

/// What was sent to make migrations, by path; the api-version beside it.
fn sent(ferry: &Ferry) -> BTreeMap<String, Json> {
    let entries = ferry.entries().into_iter();
    let puts =
        entries.filter(|entry| entry["method"] == "PUT" && entry["path"].as_str().unwrap().contains("/migrations/"));
    puts.map(|entry| {
        assert_eq!(entry["status"], 201, "{entry:#}");
        let (path, query) = entry["path"].as_str().unwrap().split_once('?').unwrap();
        let mut body = entry["body"].clone();
        body["api-version"] = json!(query.strip_prefix("api-version=").unwrap());
        (path.to_owned(), body)
    })
    .collect()
}

/// Members that are not the same, with both values; what is no object is compared whole.
fn differing<'a>(
    at: &str,
    ours: Option<&'a Json>,
    theirs: Option<&'a Json>,
    found: &mut Vec<(String, Option<&'a Json>, Option<&'a Json>)>,
) {
    match (ours, theirs) {
        (Some(Json::Object(one)), Some(Json::Object(other))) => {
            let members: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for member in members {
                differing(&format!("{at}/{member}"), one.get(member), other.get(member), found);
            }
        }
        (one, other) if one == other => {}
        (one, other) => found.push((at.to_owned(), one, other)),
    }
}

/// Insists that two sets of bodies differ only as they may, and answers with what differs.
fn compare(ours: &BTreeMap<String, Json>, theirs: &BTreeMap<String, Json>) -> BTreeSet<&'static str> {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let mut used = BTreeSet::new();
    for (path, our) in ours {
        let mut found = Vec::new();
        differing("", Some(our), theirs.get(path), &mut found);
        for (member, one, other) in found {
            let row = ALLOWED.iter().find(|allowed| allowed.member == member);
            let row = row.unwrap_or_else(|| panic!("{path}: {member} is {one:?}, and {other:?} from the CLI"));
            assert!(
                (row.holds)(one, other),
                "{path}: {member} is {one:?}, and {other:?} from the CLI"
            );
            used.insert(row.member);
        }
    }
    used
}

#[test]
fn every_wish_is_sent_as_the_cli_sends_it() {
    let wishes = wishes();
    let ours = project(&wishes);
    let applied = ours.run(&["apply", "--auto-approve", "--wait", "none"]);
    let ours = sent(&ours);
    assert_eq!(ours.len(), wishes.len(), "{}", applied.all());
    let theirs = project(&wishes);
    let az = Az::of(&theirs);
    for (number, wish) in wishes.iter().enumerate() {
        let mut properties = source(wish.source);
        let more = wish.properties.as_object().unwrap().clone();
        properties.as_object_mut().unwrap().extend(more);
        let file = az.properties(&json!({ "properties": properties }));
        let (name, server) = (format!("w{number}m1"), format!("pg-t{number}"));
        let named = ["-n", &name, "-b", &file];
        let _ = az.migration("create", "rg-data", &server, &[&named, wish.flags].concat());
    }
    let used = compare(&ours, &sent(&theirs));
    let allowed: BTreeSet<&str> = ALLOWED.iter().map(|allowed| allowed.member).collect();
    assert_eq!(used, allowed, "every difference that may be is one");
}

#[test]
fn the_tutorial_is_sent_as_the_cli_sends_its_properties_file() {
    let ours = Ferry::example("tutorial-online");
    let _ = ours.run(&["apply", "--auto-approve", "--wait", "none"]);
    let ours = sent(&ours);
    let theirs = Ferry::example("tutorial-online");
    let az = Az::of(&theirs);
    let file = theirs.path("migration.json").display().to_string();
    let how = ["-n", "tutorialm1", "--migration-mode", "online", "-b", &file];
    let _ = az.migration("create", "rg-tutorial", "pg-tutorial", &how);
    let _ = compare(&ours, &sent(&theirs));
}
