//! Migrations: every state, every wait, every refusal.

use serde_json::{Value, json};

use super::{Azure, Response, code, connect, migration, migration_body, network, peering, server};
use crate::simulator::Switch;

const HOUR: u64 = 3600;

fn status(azure: &mut Azure, name: &str) -> (String, String) {
    let status = azure.get(&migration("pg-target", name)).value()["properties"]["currentStatus"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&status["state"]),
        text(&status["currentSubStateDetails"]["currentSubState"]),
    )
}

fn words(state: &str, substate: &str) -> (String, String) {
    (state.to_owned(), substate.to_owned())
}

fn database(azure: &mut Azure, name: &str, database: &str) -> Value {
    azure.get(&migration("pg-target", name)).value()["properties"]["currentStatus"]["currentSubStateDetails"]["dbDetails"][database].clone()
}

fn connected(options: &Value) -> Azure {
    let mut azure = Azure::scenario(options);
    connect(&mut azure);
    azure
}

fn start(azure: &mut Azure, name: &str, databases: &[&str], changes: &Value) -> Response {
    azure.put(&migration("pg-target", name), &migration_body(databases, changes))
}

#[test]
fn an_online_migration_from_create_to_cutover() {
    let mut azure = connected(&json!({}));
    let created = start(&mut azure, "wave1m1", &["db0", "db1"], &json!({}));
    assert_eq!(created.status, 201);
    let reply = created.value();
    assert_eq!(reply["properties"]["currentStatus"], json!({ "state": "InProgress" }));
    assert_eq!(
        (
            &reply["location"],
            &reply["properties"]["setupLogicalReplicationOnSourceDbIfNeeded"]
        ),
        (&json!("westeurope"), &json!("False"))
    );
    assert_eq!(reply["properties"].get("secretParameters"), None);
    assert_eq!(
        azure.get(&migration("pg-target", "wave1m1")).value()["location"],
        "West Europe"
    );

    assert_eq!(
        status(&mut azure, "wave1m1"),
        words("InProgress", "ValidationInProgress")
    );
    azure.pass(81);
    assert_eq!(
        status(&mut azure, "wave1m1"),
        words("InProgress", "PerformingPreRequisiteSteps")
    );
    azure.pass(150);
    assert_eq!(status(&mut azure, "wave1m1"), words("InProgress", "MigratingData"));
    azure.pass(16);
    let copying = database(&mut azure, "wave1m1", "db0");
    assert_eq!(
        (&copying["migrationState"], &copying["fullLoadLoadingTables"]),
        (&json!("InProgress"), &json!(4))
    );
    let counted = |value: &Value| {
        ["Queued", "Errored", "Loading", "Completed"]
            .map(|word| value[format!("fullLoad{word}Tables")].as_i64().unwrap())
            .iter()
            .sum::<i64>()
    };
    assert_eq!(counted(&copying), 20);
    assert_eq!(database(&mut azure, "wave1m1", "db1")["fullLoadQueuedTables"], 20);
    azure.pass(120);
    assert_eq!(
        status(&mut azure, "wave1m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
    let waiting = database(&mut azure, "wave1m1", "db0");
    assert_eq!(
        (
            &waiting["migrationState"],
            &waiting["fullLoadCompletedTables"],
            &waiting["latency"]
        ),
        (&json!("WaitingForCutoverTrigger"), &json!(20), &json!(0))
    );
    assert_eq!(waiting["incomingChanges"], waiting["appliedChanges"]);
    assert!(waiting["incomingChanges"].as_i64().unwrap() > 1000);

    let patched = azure.patch(
        &migration("pg-target", "wave1m1"),
        &json!({ "properties": { "triggerCutover": "True", "dbsToTriggerCutoverOn": ["db0", "db1"] } }),
    );
    assert_eq!(
        (patched.status, &patched.value()["properties"]["triggerCutover"]),
        (200, &json!("True"))
    );
    assert_eq!(
        status(&mut azure, "wave1m1"),
        words("InProgress", "CompletingMigration")
    );
    azure.pass(61);
    assert_eq!(status(&mut azure, "wave1m1"), words("Succeeded", "Completed"));
    let done = azure.get(&migration("pg-target", "wave1m1")).value();
    assert!(done["properties"]["migrationWindowEndTimeInUtc"].is_string());
    assert_eq!(
        done["properties"]["currentStatus"]["currentSubStateDetails"]["validationDetails"]["status"],
        "Succeeded"
    );
    assert_eq!(azure.get(&format!("{}/databases/db1", server("pg-target"))).status, 200);
}

#[test]
fn latency_falls_while_changes_are_replayed() {
    let mut azure = connected(&json!({ "apply_changes_per_s": 100, "copy_mb_per_s": 1 }));
    start(&mut azure, "m1", &["db0"], &json!({}));
    azure.pass(70 + 150 + 1000);
    let mut last = i64::MAX;
    for _ in 0..5 {
        azure.pass(150);
        let latency = database(&mut azure, "m1", "db0")["latency"].as_i64().unwrap();
        assert!(latency < last, "{latency} after {last}");
        last = latency;
    }
}

#[test]
fn an_offline_migration_cuts_over_by_itself_and_refuses_to_be_told() {
    let mut azure = connected(&json!({}));
    let created = start(&mut azure, "m1", &["db0"], &json!({ "migrationMode": "offline" })).value();
    assert_eq!(
        (
            &created["properties"]["migrationMode"],
            &created["properties"]["triggerCutover"]
        ),
        (&json!("Offline"), &json!("True"))
    );
    let cutover = json!({ "properties": { "triggerCutover": "True" } });
    assert_eq!(
        code(&azure.patch(&migration("pg-target", "m1"), &cutover)),
        (400, "InvalidInput".into())
    );
    azure.pass(HOUR);
    assert_eq!(status(&mut azure, "m1"), words("Succeeded", "Completed"));
    assert_eq!(database(&mut azure, "m1", "db0")["cdcInsertCounter"], 0);
    assert_eq!(
        code(&azure.patch(&migration("pg-target", "m1"), &cutover)),
        (400, "InvalidMigrationState".into())
    );
}

#[test]
fn a_cutover_comes_too_early() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &["db0"], &json!({}));
    let refused = azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "triggerCutover": "True" } }),
    );
    assert_eq!(code(&refused), (400, "InvalidMigrationState".into()));
}

#[test]
fn a_cutover_of_some_databases_leaves_the_others_waiting() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &["db0", "db1"], &json!({}));
    azure.pass(HOUR);
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "triggerCutover": "True", "dbsToTriggerCutoverOn": ["db1"] } }),
    );
    azure.pass(120);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
    assert_eq!(database(&mut azure, "m1", "db1")["migrationState"], "Succeeded");
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "triggerCutover": true } }),
    );
    azure.pass(120);
    assert_eq!(status(&mut azure, "m1"), words("Succeeded", "Completed"));
    let stranger = json!({ "properties": { "triggerCutover": "True", "dbsToTriggerCutoverOn": ["nobody"] } });
    assert_eq!(azure.patch(&migration("pg-target", "m1"), &stranger).status, 400);
}

#[test]
fn one_is_active_per_target_and_names_stay_taken() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &["db0"], &json!({}));
    assert_eq!(
        code(&start(&mut azure, "m2", &["db1"], &json!({}))),
        (409, "ActiveMigrationExists".into())
    );
    let check = |azure: &mut Azure, name: &str| {
        let body = json!({ "name": name, "type": "Microsoft.DBforPostgreSQL/flexibleServers/migrations" });
        azure
            .post(
                &format!("{}/checkMigrationNameAvailability", server("pg-target")),
                &body,
            )
            .value()
    };
    assert_eq!(check(&mut azure, "m1")["reason"], "AlreadyExists");
    assert_eq!(check(&mut azure, "Wave One")["reason"], "Invalid");
    assert_eq!(
        check(&mut azure, "m2"),
        json!({ "name": "m2", "type": "Microsoft.DBforPostgreSQL/flexibleServers/migrations", "nameAvailable": true })
    );
    azure.delete(&migration("pg-target", "m1"));
    azure.pass(HOUR);
    assert_eq!(
        code(&start(&mut azure, "m1", &["db0"], &json!({}))),
        (409, "MigrationNameAlreadyExists".into())
    );
    assert_eq!(start(&mut azure, "m2", &["db1"], &json!({})).status, 201);
    let list = |azure: &mut Azure, filter: &str| {
        let reply = azure
            .get(&format!("{}/migrations{filter}", server("pg-target")))
            .value();
        reply["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&mut azure, "?migrationListFilter=All"), ["m1", "m2"]);
    assert_eq!(list(&mut azure, "?migrationListFilter=Active"), ["m2"]);
    assert_eq!(list(&mut azure, ""), ["m2"]);
    assert_eq!(
        azure
            .get(&format!("{}/migrations?migrationListFilter=Some", server("pg-target")))
            .status,
        400
    );
}

#[test]
fn a_delete_cancels_and_never_removes() {
    let mut azure = connected(&json!({}));
    assert_eq!(azure.delete(&migration("pg-target", "m1")).status, 204);
    start(&mut azure, "m1", &["db0", "db1"], &json!({}));
    azure.pass(300);
    let deleted = azure.delete(&migration("pg-target", "m1"));
    assert_eq!(
        (deleted.status, &deleted.value()["properties"]["currentStatus"]["state"]),
        (200, &json!("InProgress"))
    );
    assert_eq!(
        status(&mut azure, "m1"),
        words("InProgress", "CancelingRequestedDBMigrations")
    );
    assert_eq!(database(&mut azure, "m1", "db0")["migrationState"], "Canceling");
    azure.pass(61);
    assert_eq!(status(&mut azure, "m1"), words("Canceled", "Completed"));
    assert_eq!(database(&mut azure, "m1", "db1")["migrationState"], "Canceled");
    assert_eq!(azure.delete(&migration("pg-target", "m1")).status, 204);
    assert_eq!(
        azure.get(&format!("{}/databases/db0", server("pg-target"))).status,
        200,
        "half-filled databases stay"
    );
}

#[test]
fn a_patch_cancels_all_or_some() {
    let mut azure = connected(&json!({ "leftovers": "removed" }));
    start(&mut azure, "m1", &["db0", "db1"], &json!({}));
    azure.pass(300);
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "cancel": "True", "dbsToCancelMigrationOn": ["db1"] } }),
    );
    azure.pass(HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
    assert_eq!(database(&mut azure, "m1", "db1")["migrationState"], "Canceled");
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "cancel": "True", "dbsToCancelMigrationOn": ["db0"] } }),
    );
    azure.pass(61);
    assert_eq!(status(&mut azure, "m1"), words("Canceled", "Completed"));
    assert_eq!(azure.get(&format!("{}/databases/db0", server("pg-target"))).status, 404);
}

#[test]
fn an_existing_database_waits_for_confirmation() {
    let mut azure = connected(&json!({}));
    azure.put_done(
        &format!("{}/databases/db1", server("pg-target")),
        &json!({ "properties": {} }),
    );
    start(&mut azure, "m1", &["db0", "db1"], &json!({}));
    azure.pass(HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForTargetDBOverwriteConfirmation")
    );
    let wrong = azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "dbsToMigrate": ["db0"] } }),
    );
    assert_eq!(code(&wrong), (400, "InvalidMigrationState".into()));
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "overwriteDbsInTarget": "True" } }),
    );
    assert_eq!(status(&mut azure, "m1"), words("InProgress", "MigratingData"));
}

#[test]
fn the_other_waits_and_their_answers() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &[], &json!({ "startDataMigration": "False" }));
    azure.pass(HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForDBsToMigrateSpecification")
    );
    let path = migration("pg-target", "m1");
    let too_many: Vec<String> = (0..9).map(|index| format!("db{index}")).collect();
    assert_eq!(
        code(&azure.patch(&path, &json!({ "properties": { "dbsToMigrate": too_many } }))),
        (400, "InvalidInput".into())
    );
    azure.patch(&path, &json!({ "properties": { "dbsToMigrate": ["db0"] } }));
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForDataMigrationScheduling")
    );
    azure.patch(
        &path,
        &json!({ "properties": { "migrationWindowStartTimeInUtc": "2026-11-02T00:00:00Z" } }),
    );
    assert_eq!(
        status(&mut azure, "m1"),
        words("InProgress", "WaitingForDataMigrationWindow")
    );
    azure.pass(30 * HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
}

#[test]
fn logical_replication_is_set_up_on_a_single_server_when_told() {
    let mut seed = super::scenario(&json!({ "path_checks": "off" }));
    let single = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-old/providers/Microsoft.DBforPostgreSQL/servers/old";
    seed["objects"].as_array_mut().unwrap().push(json!({ "id": single, "location": "westeurope", "properties": {
        "administratorLogin": "boss", "version": "11", "fullyQualifiedDomainName": "old.postgres.database.azure.com" } }));
    seed["sources"][0]["host"] = json!("old.postgres.database.azure.com");
    seed["sources"][0]["wal_level"] = json!("replica");
    seed["sources"][0]["users"] = json!({ "boss": { "password": null } });
    let mut azure = Azure::of(&seed);
    let body = migration_body(
        &["db0"],
        &json!({ "sourceDbServerResourceId": single, "sourceType": null, "sslMode": null, "migrationInstanceResourceId": null }),
    );
    let mut named = body.clone();
    named["properties"]["secretParameters"]["sourceServerUsername"] = json!("boss@old");
    let created = azure.put(&migration("pg-target", "m1"), &named).value();
    assert_eq!(
        (&created["properties"]["sourceType"], &created["properties"]["sslMode"]),
        (&json!("PostgreSQLSingleServer"), &json!("VerifyFull"))
    );
    azure.pass(HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words(
            "WaitingForUserAction",
            "WaitingForLogicalReplicationSetupRequestOnSourceDB"
        )
    );
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "setupLogicalReplicationOnSourceDbIfNeeded": true } }),
    );
    assert_eq!(
        status(&mut azure, "m1"),
        words("InProgress", "PerformingPreRequisiteSteps")
    );
    azure.pass(150);
    assert_eq!(status(&mut azure, "m1"), words("InProgress", "MigratingData"));
}

#[test]
fn both_deadlines() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &["db0"], &json!({}));
    azure.pass(HOUR);
    azure.pass(71 * HOUR);
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
    azure.pass(HOUR);
    assert_eq!(status(&mut azure, "m1"), words("Failed", "Completed"));
    assert_eq!(database(&mut azure, "m1", "db0")["migrationState"], "Failed");
    start(&mut azure, "m2", &[], &json!({}));
    azure.pass(167 * HOUR);
    assert_eq!(status(&mut azure, "m2").0, "WaitingForUserAction");
    azure.pass(HOUR);
    assert_eq!(status(&mut azure, "m2").0, "Failed");
}

/// The checks of a finished validation that failed, as `type: message`.
fn failures(azure: &mut Azure, name: &str) -> Vec<String> {
    let details = azure.get(&migration("pg-target", name)).value()["properties"]["currentStatus"]["currentSubStateDetails"]["validationDetails"].clone();
    let mut checks: Vec<Value> = details["serverLevelValidationDetails"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for database in details["dbLevelValidationDetails"]
        .as_array()
        .cloned()
        .unwrap_or_default()
    {
        checks.extend(database["summary"].as_array().cloned().unwrap_or_default());
    }
    let failed = checks.iter().filter(|check| check["state"] == "Failed");
    failed
        .map(|check| {
            format!(
                "{}: {}",
                check["type"].as_str().unwrap(),
                check["messages"][0]["message"].as_str().unwrap()
            )
        })
        .collect()
}

fn failure_of(azure: &mut Azure, name: &str, databases: &[&str], changes: &Value) -> Vec<String> {
    assert_eq!(start(azure, name, databases, changes).status, 201);
    azure.pass(HOUR);
    assert_eq!(status(azure, name), words("ValidationFailed", "Completed"));
    failures(azure, name)
}

#[test]
fn each_missing_piece_of_the_path_fails_validation_by_name() {
    let mut azure = Azure::scenario(&json!({}));
    let mut names = (0..).map(|index| format!("m{index}"));
    let mut fails_with = |azure: &mut Azure, what: &str| {
        let failures = failure_of(azure, &names.next().unwrap(), &["db0"], &json!({}));
        assert!(
            failures.len() == 1
                && failures[0].starts_with("AuthenticationAndConnectivityValidation")
                && failures[0].contains(what),
            "{failures:?}"
        );
    };
    fails_with(&mut azure, "is not connected to");
    connect(&mut azure);
    azure.delete(&peering("hub", "runtime"));
    azure.pass(60);
    fails_with(
        &mut azure,
        &format!("not connected to {}", network("hub").to_lowercase()),
    );
    azure.delete(&peering("runtime", "hub"));
    azure.pass(60);
    azure.put_done(&peering("hub", "runtime"), &super::peering_body("runtime"));
    azure.put_done(&peering("runtime", "hub"), &super::peering_body("hub"));
    let link = format!("{}/virtualNetworkLinks/hub-link", super::zone(super::RUNTIME_ZONE));
    azure.delete(&link);
    azure.pass(60);
    fails_with(&mut azure, "has no link to");
    azure.put_done(
        &link,
        &json!({ "location": "global", "properties": { "virtualNetwork": { "id": network("hub") } } }),
    );
    azure.delete(&format!(
        "{}/virtualNetworkLinks/runtime-link",
        super::zone(super::ENDPOINT_ZONE)
    ));
    azure.pass(60);
    fails_with(&mut azure, "cannot be resolved from the runtime server");
}

#[test]
fn credentials_hosts_and_databases_are_checked() {
    let mut azure = connected(&json!({}));
    let wrong = json!({ "secretParameters": { "adminCredentials": { "sourceServerPassword": "no", "targetServerPassword": "x" } } });
    assert!(failure_of(&mut azure, "m1", &["db0"], &wrong)[0].contains("password authentication failed"));
    let stranger = json!({ "sourceDbServerResourceId": "10.1.0.4:5432@nobody" });
    assert!(failure_of(&mut azure, "m2", &["db0"], &stranger)[0].contains("role does not exist"));
    let elsewhere = json!({ "sourceDbServerResourceId": "10.1.0.5:5432@migrator" });
    assert!(failure_of(&mut azure, "m3", &["db0"], &elsewhere)[0].contains("10.1.0.5"));
    assert_eq!(
        failure_of(&mut azure, "m4", &["db0", "nothere"], &json!({})),
        ["SchemaValidation: The database nothere does not exist on the source server."]
    );
    start(&mut azure, "m5", &["nothere"], &json!({ "migrationOption": "Migrate" }));
    azure.pass(HOUR);
    let failed = azure.get(&migration("pg-target", "m5")).value()["properties"]["currentStatus"].clone();
    assert_eq!(
        (&failed["state"], &failed["currentSubStateDetails"]["dbDetails"]),
        (&json!("Failed"), &json!({}))
    );
    assert!(failed["error"].as_str().unwrap().starts_with("DB002: "));
}

#[test]
fn a_validation_alone_moves_nothing() {
    let mut azure = connected(&json!({}));
    start(&mut azure, "m1", &["db0"], &json!({ "migrationOption": "Validate" }));
    azure.pass(HOUR);
    assert_eq!(status(&mut azure, "m1"), words("Succeeded", "Completed"));
    assert_eq!(azure.get(&format!("{}/databases/db0", server("pg-target"))).status, 404);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut azure = connected(&json!({}));
    let nine: Vec<String> = (0..9).map(|index| format!("db{index}")).collect();
    let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
    let mut refused = |databases: &[&str], changes: Value, expected: &str| {
        let response = start(&mut azure, "m1", databases, &changes);
        assert_eq!(code(&response), (400, expected.to_owned()), "{changes}");
    };
    refused(&nine, json!({}), "InvalidInput");
    refused(&["db0", "db0"], json!({}), "InvalidInput");
    refused(&["template0"], json!({}), "InvalidInput");
    refused(
        &["db0"],
        json!({ "sourceDbServerResourceId": "10.1.0.4" }),
        "InvalidInput",
    );
    refused(
        &["db0"],
        json!({ "sourceType": "PostgreSQLSingleServer" }),
        "InvalidInput",
    );
    refused(
        &["db0"],
        json!({ "migrationInstanceResourceId": server("pg-target") }),
        "InvalidInput",
    );
    refused(
        &["db0"],
        json!({ "migrationInstanceResourceId": network("hub") }),
        "InvalidInput",
    );
    refused(
        &["db0"],
        json!({ "migrationInstanceResourceId": server("nowhere") }),
        "InvalidInput",
    );
    refused(&["db0"], json!({ "sslMode": "Maybe" }), "InvalidRequestContent");
    refused(&["db0"], json!({ "migrateRole": "True" }), "InvalidRequestContent");
    refused(
        &["db0"],
        json!({ "migrationWindowStartTimeInUtc": "tomorrow" }),
        "InvalidInput",
    );
    let mut elsewhere = migration_body(&["db0"], &json!({}));
    elsewhere["location"] = json!("eastus");
    assert_eq!(
        code(&azure.put(&migration("pg-target", "m1"), &elsewhere)),
        (400, "InvalidInput".into())
    );
    assert_eq!(
        code(&azure.get(&migration("pg-target", "camelCase"))),
        (400, "InvalidInput".into())
    );
    assert_eq!(azure.get(&migration("pg-target", "m1")).status, 404);
    assert_eq!(
        code(&azure.put(&migration("nowhere", "m1"), &elsewhere)),
        (404, "ParentResourceNotFound".into())
    );
    start(&mut azure, "m1", &["db0"], &json!({}));
    let frozen = json!({ "properties": { "sslMode": "Prefer" } });
    assert_eq!(
        code(&azure.patch(&migration("pg-target", "m1"), &frozen)),
        (400, "InvalidRequestContent".into())
    );
}

#[test]
fn a_restart_of_a_server_on_the_path_takes_the_migration_down() {
    for name in ["pg-target", "pg-runtime"] {
        let mut azure = connected(&json!({}));
        start(&mut azure, "m1", &["db0"], &json!({}));
        azure.pass(300);
        assert_eq!(azure.post(&format!("{}/restart", server(name)), &json!({})).status, 202);
        assert_eq!(status(&mut azure, "m1"), words("Failed", "Completed"));
        let busy = start(&mut azure, "m2", &["db1"], &json!({}));
        assert_eq!(code(&busy), (409, "ServerIsBusy".into()));
    }
}

#[test]
fn with_latencies_off_all_is_done_at_the_next_poll() {
    let mut azure = connected(&json!({}));
    azure.world.options.latencies = Switch::Off;
    start(&mut azure, "m1", &["db0", "db1"], &json!({}));
    assert_eq!(
        status(&mut azure, "m1"),
        words("WaitingForUserAction", "WaitingForCutoverTrigger")
    );
    assert_eq!(database(&mut azure, "m1", "db1")["latency"], 0);
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "triggerCutover": "True" } }),
    );
    assert_eq!(status(&mut azure, "m1"), words("Succeeded", "Completed"));
    start(&mut azure, "m2", &["db2"], &json!({ "migrationMode": "Offline" }));
    assert_eq!(status(&mut azure, "m2"), words("Succeeded", "Completed"));
}
