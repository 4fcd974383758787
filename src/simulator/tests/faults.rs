//! Faults on demand, as far as they concern the world.

use serde_json::{Value, json};

use super::{Azure, Method, Request, code, connect, migration, migration_body, network, peering, peering_body, server};
use crate::simulator::fault::Fault;
use crate::simulator::{Conflict, FaultRule};

fn azure_with(faults: &Value) -> Azure {
    let mut seed = super::scenario(&json!({}));
    seed["faults"] = faults.clone();
    Azure::of(&seed)
}

#[test]
fn a_status_hits_once_and_tells_when_to_come_back() {
    let fault = json!({ "kind": "status", "status": 503, "code": "ServiceUnavailable", "retry_after": 7 });
    let mut azure = azure_with(&json!([{ "method": "GET", "path": "*/virtualNetworks/hub", "fault": fault }]));
    assert_eq!(azure.get(&network("runtime")).status, 200);
    let refused = azure.get(&network("hub"));
    assert_eq!(
        (code(&refused), refused.header("Retry-After")),
        ((503, "ServiceUnavailable".into()), Some("7"))
    );
    assert_eq!(azure.get(&network("hub")).status, 200);
}

#[test]
fn every_conflict_has_its_status_and_its_form() {
    let expected = [
        (Conflict::AnotherOperationInProgress, 429),
        (Conflict::ReferencedResourceNotProvisioned, 400),
        (Conflict::RetryableError, 429),
        (Conflict::RemotePeeringIsDisconnected, 400),
        (Conflict::ServerIsBusy, 409),
        (Conflict::ServerBusy, 409),
        (Conflict::PrincipalNotFound, 400),
        (Conflict::RoleAssignmentExists, 409),
        (Conflict::PreconditionFailed, 412),
        (Conflict::ScopeLocked, 409),
        (Conflict::AuthorizationFailed, 403),
        (Conflict::RequestDisallowedByPolicy, 403),
    ];
    let mut azure = Azure::scenario(&json!({}));
    for (conflict, status) in expected {
        let fault = Fault::Conflict { code: conflict };
        azure.world.add_fault(FaultRule {
            method: None,
            path: None,
            nth: None,
            count: 1,
            probability: None,
            fault,
        });
        let refused = azure.get(&network("hub"));
        assert_eq!(code(&refused), (status, format!("{conflict:?}")));
        if conflict == Conflict::RetryableError {
            assert_eq!(
                refused.value()["error"]["details"][0]["code"],
                "ReferencedResourceNotProvisioned"
            );
        }
    }
}

#[test]
fn an_operation_fails_after_it_was_accepted() {
    let fault = json!({ "kind": "operation_fails", "code": "InternalServerError" });
    let rules = json!([
        { "method": "PUT", "path": "*/virtualNetworkPeerings/*", "fault": fault },
        { "method": "PUT", "path": "*/flexibleServers/new", "fault": fault },
        { "method": "DELETE", "path": "*/flexibleServers/pg-target", "fault": fault }
    ]);
    let mut azure = azure_with(&rules);
    let accepted = azure.put(&peering("hub", "runtime"), &peering_body("runtime"));
    assert_eq!(accepted.status, 201);
    azure.pass(30);
    let status = azure.poll(&accepted, "Azure-AsyncOperation").value();
    assert_eq!(
        (&status["status"], &status["error"]["code"]),
        (&json!("Failed"), &json!("InternalServerError"))
    );
    assert_eq!(
        azure.get(&peering("hub", "runtime")).value()["properties"]["provisioningState"],
        "Failed"
    );
    assert_eq!(
        azure.put(&peering("hub", "runtime"), &peering_body("runtime")).status,
        200
    );

    let server_body = json!({ "location": "westeurope", "sku": { "name": "Standard_B1ms", "tier": "Burstable" }, "properties": {
        "administratorLogin": "boss", "administratorLoginPassword": "x", "version": "17" } });
    azure.put(&server("new"), &server_body);
    azure.pass(300);
    assert_eq!(azure.get(&server("new")).status, 404);
    azure.delete(&server("pg-target"));
    azure.pass(300);
    assert_eq!(azure.get(&server("pg-target")).value()["properties"]["state"], "Ready");
}

#[test]
fn a_new_object_is_not_found_for_a_while() {
    let fault = json!({ "kind": "not_found_after_create", "lasting": "10s" });
    let mut azure = azure_with(&json!([{ "method": "PUT", "path": "*/virtualNetworkPeerings/*", "fault": fault }]));
    assert_eq!(
        azure.put(&peering("hub", "runtime"), &peering_body("runtime")).status,
        201
    );
    let list = format!("{}/virtualNetworkPeerings", network("hub"));
    assert_eq!(azure.get(&peering("hub", "runtime")).status, 404);
    assert_eq!(azure.get(&list).value()["value"], json!([]));
    azure.pass(10);
    assert_eq!(azure.get(&peering("hub", "runtime")).status, 200);
    assert_eq!(azure.get(&list).value()["value"].as_array().unwrap().len(), 1);
}

/// Runs a migration of two databases with a fault in it for two hours and tells its status.
fn migrated(how: &Value) -> (Azure, Value) {
    let mut azure = azure_with(
        &json!([{ "method": "PUT", "path": "*/migrations/*", "fault": { "kind": "migration", "how": how } }]),
    );
    connect(&mut azure);
    azure.put(
        &migration("pg-target", "m1"),
        &migration_body(&["db0", "db1"], &json!({})),
    );
    azure.pass(7200);
    let status = azure.get(&migration("pg-target", "m1")).value()["properties"]["currentStatus"].clone();
    (azure, status)
}

fn of_database<'s>(status: &'s Value, name: &str) -> &'s Value {
    &status["currentSubStateDetails"]["dbDetails"][name]
}

#[test]
fn a_validation_fails_or_warns_where_it_was_told() {
    let (_, failed) = migrated(
        &json!({ "what": "validation_fails", "check": "ExtensionsValidation", "database": "db1", "message": "no" }),
    );
    assert_eq!(failed["state"], "ValidationFailed");
    let details = &failed["currentSubStateDetails"]["validationDetails"]["dbLevelValidationDetails"][1];
    assert_eq!(
        (
            &details["databaseName"],
            &details["summary"][2]["messages"][0]["message"]
        ),
        (&json!("db1"), &json!("no"))
    );
    let (_, warned) = migrated(&json!({ "what": "validation_warns", "check": "ServerParametersValidation" }));
    assert_eq!(
        warned["currentSubStateDetails"]["validationDetails"]["status"],
        "Warning"
    );
    assert_eq!(warned["state"], "WaitingForUserAction");
}

#[test]
fn a_copy_fails_at_a_database() {
    let (_, failed) = migrated(&json!({ "what": "copy_fails", "database": "db1", "message": "disk full" }));
    assert_eq!(
        (&failed["state"], &failed["error"]),
        (&json!("Failed"), &json!("db1: disk full"))
    );
    assert_eq!(
        of_database(&failed, "db0")["migrationState"],
        "Canceled",
        "it was never cut over"
    );
    let broken = of_database(&failed, "db1");
    assert_eq!(
        (
            &broken["migrationState"],
            &broken["message"],
            &broken["fullLoadErroredTables"]
        ),
        (&json!("Failed"), &json!("disk full"), &json!(1))
    );
}

#[test]
fn a_stuck_migration_moves_no_counter() {
    let (mut azure, stuck) = migrated(&json!({ "what": "stuck", "database": "db1" }));
    assert_eq!(stuck["currentSubStateDetails"]["currentSubState"], "MigratingData");
    azure.pass(3600);
    let later = azure.get(&migration("pg-target", "m1")).value()["properties"]["currentStatus"].clone();
    assert_eq!(later, stuck);
    azure.delete(&migration("pg-target", "m1"));
    azure.pass(3600);
    assert_eq!(
        azure.get(&migration("pg-target", "m1")).value()["properties"]["currentStatus"]["state"],
        "Canceled"
    );
}

#[test]
fn a_cutover_fails() {
    let (mut azure, waiting) = migrated(&json!({ "what": "cutover_fails", "message": "no luck" }));
    assert_eq!(waiting["state"], "WaitingForUserAction");
    azure.patch(
        &migration("pg-target", "m1"),
        &json!({ "properties": { "triggerCutover": "True" } }),
    );
    azure.pass(600);
    let failed = azure.get(&migration("pg-target", "m1")).value()["properties"]["currentStatus"].clone();
    assert_eq!(
        (&failed["state"], &failed["error"]),
        (&json!("Failed"), &json!("no luck"))
    );
}

#[test]
fn the_service_asks_because_it_was_told_to() {
    for (on, substate, answer) in [
        (
            "logical_replication",
            "WaitingForLogicalReplicationSetupRequestOnSourceDB",
            json!({ "setupLogicalReplicationOnSourceDbIfNeeded": "True" }),
        ),
        (
            "overwrite",
            "WaitingForTargetDBOverwriteConfirmation",
            json!({ "overwriteDbsInTarget": "True" }),
        ),
        (
            "scheduling",
            "WaitingForDataMigrationScheduling",
            json!({ "startDataMigration": "True" }),
        ),
        (
            "databases",
            "WaitingForDBsToMigrateSpecification",
            json!({ "dbsToMigrate": ["db0"] }),
        ),
    ] {
        let (mut azure, waiting) = migrated(&json!({ "what": "waits", "on": on }));
        assert_eq!(waiting["currentSubStateDetails"]["currentSubState"], substate);
        assert_eq!(
            azure
                .patch(&migration("pg-target", "m1"), &json!({ "properties": answer }))
                .status,
            200
        );
        azure.pass(600);
        let after = azure.get(&migration("pg-target", "m1")).value();
        assert_eq!(
            after["properties"]["currentStatus"]["currentSubStateDetails"]["currentSubState"],
            "WaitingForCutoverTrigger",
            "{on}"
        );
    }
}

#[test]
fn quotas_are_told_and_enforced() {
    let mut azure = Azure::scenario(&json!({ "quotas": { "dns_reads": { "size": 2, "per_second": 0.1 } } }));
    let zones = super::zone("x").trim_end_matches("/x").to_owned();
    assert_eq!(
        azure.get(&zones).header("x-ms-ratelimit-remaining-subscription-reads"),
        Some("249")
    );
    assert_eq!(
        azure
            .get(&zones)
            .header("x-ms-ratelimit-remaining-subscription-global-reads"),
        Some("3748")
    );
    let refused = azure.get(&zones);
    assert_eq!(
        (code(&refused), refused.header("Retry-After")),
        ((429, "TooManyRequests".into()), Some("10"))
    );
    assert_eq!(azure.get(&network("hub")).status, 200);
    azure.pass(10);
    assert_eq!(azure.get(&zones).status, 200);
}

#[test]
fn replies_carry_the_ids_of_their_request() {
    let mut azure = Azure::scenario(&json!({}));
    let request = Request::new(Method::Get, &format!("{}?api-version=2024-07-01", network("hub")))
        .with_header("x-ms-client-request-id", "me")
        .with_header("x-ms-return-client-request-id", "true")
        .with_header("x-ms-correlation-request-id", "all-of-us");
    let reply = azure.send(request);
    assert_eq!(
        (
            reply.header("x-ms-client-request-id"),
            reply.header("x-ms-correlation-request-id")
        ),
        (Some("me"), Some("all-of-us"))
    );
    assert!(reply.header("x-ms-request-id").is_some() && reply.header("x-ms-routing-request-id").is_some());
    assert_eq!(
        reply.header("x-pgferry-simulator-time"),
        Some("2026-11-01T00:00:00.000000000Z")
    );
}
