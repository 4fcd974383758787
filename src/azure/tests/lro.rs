//! Long-running operations, one test per row of the contract's table (2.5).

use std::time::Duration;

use super::rig::{BASE, Rig, SERVER, Step, VNET, answer, body, call, code, id, json, refusal};
use crate::arm::operation::{Follow, Operation};
use crate::arm::{ArmRead, ArmWrite, Failure, Found, Retry, Verb};

const LONG: Duration = Duration::from_secs(3600);
const STATUS: &str = "/subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/azureAsyncOperation/1?api-version=2025-08-01&t=1&c=MII-_&s=sig&h=h";
const RESULT: &str = "/subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/operationResults/1?api-version=2025-08-01&t=1";
const MIGRATION: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg/migrations/m1";

fn at(path: &str) -> String {
    format!("{BASE}{path}")
}

fn status(word: &str) -> Step {
    answer(200, &[], &format!(r#"{{"name":"1","status":"{word}"}}"#))
}

/// Begins and finishes.
async fn run(rig: &Rig, verb: Verb, on: &str) -> Result<Option<serde_json::Value>, crate::arm::ArmError> {
    let sent = match &verb {
        Verb::Put | Verb::Patch => Some(body()),
        Verb::Get | Verb::Delete | Verb::Post(_) => None,
    };
    let operation = rig.client.begin(&call(verb, on), sent.as_ref()).await?;
    rig.client.finish(operation, LONG).await
}

#[tokio::test]
async fn a_flexible_server_put_is_polled_and_then_read() {
    let (poll, location) = (at(STATUS), at(RESULT));
    let rig = Rig::new(vec![
        answer(
            202,
            &[
                ("Azure-AsyncOperation", &poll),
                ("Location", &location),
                ("Retry-After", "15"),
            ],
            r#"{"operation":"UpsertServer","startTime":"2026-11-01T12:00:00.12Z"}"#,
        ),
        answer(200, &[("Retry-After", "60")], r#"{"status":"InProgress"}"#),
        status("succeeded"),
        answer(200, &[], r#"{"name":"pg"}"#),
    ]);
    let result = run(&rig, Verb::Put, SERVER).await.unwrap();
    assert_eq!(result, Some(json(r#"{"name":"pg"}"#)));
    assert_eq!(rig.clock.slept(), [15.0, 60.0]);
    insta::assert_snapshot!(rig.lines(), @"
    PUT /subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg?api-version=2025-08-01
    GET /subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/azureAsyncOperation/1?api-version=2025-08-01&t=1&c=MII-_&s=sig&h=h
    GET /subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/azureAsyncOperation/1?api-version=2025-08-01&t=1&c=MII-_&s=sig&h=h
    GET /subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg?api-version=2025-08-01
    ");
    let requests = rig.client.requests();
    assert_eq!(
        (requests.reads, requests.writes, requests.polls, requests.retries),
        (1, 1, 2, 0)
    );
}

#[tokio::test]
async fn a_flexible_server_delete_ends_with_its_status() {
    let (poll, location) = (at(STATUS), at(RESULT));
    let accepted = answer(202, &[("azure-asyncoperation", &poll), ("location", &location)], "");
    let rig = Rig::new(vec![accepted, status("Succeeded")]);
    assert_eq!(run(&rig, Verb::Delete, SERVER).await.unwrap(), None);
    assert_eq!(rig.seen().len(), 2);
    assert_eq!(
        rig.clock.slept(),
        [30.0],
        "without Retry-After the pause is half a minute"
    );
}

#[tokio::test]
async fn an_action_fetches_its_location_when_its_status_says_so() {
    let (poll, location) = (at(STATUS), at(RESULT));
    let rig = Rig::new(vec![
        answer(
            202,
            &[
                ("azure-asyncoperation", &poll),
                ("location", &location),
                ("retry-after", "5"),
            ],
            "",
        ),
        status("Succeeded"),
        answer(202, &[("retry-after", "1")], ""),
        answer(204, &[], ""),
    ]);
    assert_eq!(run(&rig, Verb::Post("restart".into()), SERVER).await.unwrap(), None);
    insta::assert_snapshot!(rig.lines(), @"
    POST /subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg/restart?api-version=2025-08-01
    GET /subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/azureAsyncOperation/1?api-version=2025-08-01&t=1&c=MII-_&s=sig&h=h
    GET /subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/operationResults/1?api-version=2025-08-01&t=1
    GET /subscriptions/s/providers/Microsoft.DBforPostgreSQL/locations/Canada%20Central/operationResults/1?api-version=2025-08-01&t=1
    ");
    assert_eq!(rig.clock.slept(), [5.0, 1.0]);
}

#[tokio::test]
async fn migrations_are_done_with_the_first_answer() {
    let created = r#"{"properties":{"currentStatus":{"state":"InProgress"}}}"#;
    for (verb, status) in [
        (Verb::Put, 201),
        (Verb::Put, 200),
        (Verb::Patch, 200),
        (Verb::Delete, 200),
    ] {
        let rig = Rig::new(vec![answer(status, &[], created)]);
        assert_eq!(run(&rig, verb, MIGRATION).await.unwrap(), Some(json(created)));
        assert_eq!(rig.seen().len(), 1);
    }
    let rig = Rig::new(vec![answer(204, &[], "")]);
    assert_eq!(run(&rig, Verb::Delete, MIGRATION).await.unwrap(), None);
}

#[tokio::test]
async fn a_network_put_brings_its_body_at_once_and_still_runs() {
    let poll =
        at("/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operations/2?api-version=2024-07-01");
    let updating = r#"{"properties":{"provisioningState":"Updating"}}"#;
    let rig = Rig::new(vec![
        answer(201, &[("azure-asyncoperation", &poll), ("retry-after", "3")], updating),
        answer(200, &[], r#"{"status":"Succeeded"}"#),
        answer(200, &[], r#"{"properties":{"provisioningState":"Succeeded"}}"#),
    ]);
    let result = run(&rig, Verb::Put, VNET).await.unwrap().unwrap();
    assert_eq!(result["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn a_network_delete_has_only_a_location() {
    let first = at(
        "/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operationResults/2?api-version=2024-07-01",
    );
    let second = at(
        "/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operationResults/3?api-version=2024-07-01",
    );
    let rig = Rig::new(vec![
        answer(202, &[("location", &first), ("retry-after", "10")], ""),
        answer(202, &[("location", &second), ("retry-after-ms", "500")], ""),
        answer(204, &[], ""),
    ]);
    assert_eq!(run(&rig, Verb::Delete, VNET).await.unwrap(), None);
    assert_eq!(rig.clock.slept(), [10.0, 0.5]);
    assert_eq!(rig.seen()[1].url, first);
    assert_eq!(rig.seen()[2].url, second, "a new Location replaces the old one");
}

#[tokio::test]
async fn a_location_tells_how_an_operation_failed() {
    let at = at("/subscriptions/s/providers/Microsoft.Network/locations/l/operationResults/2?api-version=2024-07-01");
    let accepted = || answer(202, &[("location", &at), ("retry-after", "10")], "");
    for (status, said, retry) in [
        (400, "InternalServerError", Retry::Never),
        (409, "ScopeLocked", Retry::Never),
        (429, "AnotherOperationInProgress", Retry::AfterConflict),
        (409, "AnotherOperationInProgress", Retry::AfterConflict),
    ] {
        let rig = Rig::new(vec![accepted(), refusal(status, &[], said)]);
        let error = run(&rig, Verb::Delete, VNET).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Failed(_)), "{status} {error:?}");
        assert_eq!((code(&error.failure), error.failure.retry()), (said, retry));
        assert_eq!(
            rig.seen().len(),
            2,
            "{said}: the result was there, and is not asked for again"
        );
    }
}

#[tokio::test]
async fn an_error_of_the_look_itself_is_no_outcome() {
    let at = at("/subscriptions/s/providers/Microsoft.Network/locations/l/operationResults/2?api-version=2024-07-01");
    let accepted = || answer(202, &[("location", &at), ("retry-after", "10")], "");
    for (status, said) in [
        (401, "ExpiredAuthenticationToken"),
        (403, "AuthorizationFailed"),
        (404, "OperationNotFound"),
    ] {
        // A refused token is replaced once.
        let rig = Rig::new(vec![accepted(), refusal(status, &[], said), refusal(status, &[], said)]);
        let error = run(&rig, Verb::Delete, VNET).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Refused(_)), "{status} {error:?}");
    }
    for (status, said) in [
        (408, "RequestTimeout"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
    ] {
        let rig = Rig::new(vec![accepted(), refusal(status, &[], said), answer(204, &[], "")]);
        assert_eq!(run(&rig, Verb::Delete, VNET).await.unwrap(), None, "{status}");
    }
}

#[tokio::test]
async fn a_status_link_may_change_with_each_look() {
    let (first, second) = (at("/subscriptions/s/o/1?s=a"), at("/subscriptions/s/o/2?s=b"));
    let rig = Rig::new(vec![
        answer(200, &[("azure-asyncoperation", &first), ("retry-after", "1")], "{}"),
        answer(
            200,
            &[("azure-asyncoperation", &second), ("retry-after", "1")],
            r#"{"status":"Running"}"#,
        ),
        status("Succeeded"),
        answer(200, &[], "{}"),
    ]);
    run(&rig, Verb::Put, VNET).await.unwrap();
    assert_eq!(rig.seen()[2].url, second);
}

#[tokio::test]
async fn a_private_dns_zone_is_done_at_once_or_later() {
    let zone = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z.example";
    let done = r#"{"properties":{"provisioningState":"Succeeded"}}"#;
    let rig = Rig::new(vec![answer(201, &[], done)]);
    assert_eq!(run(&rig, Verb::Put, zone).await.unwrap(), Some(json(done)));

    let poll = at(
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsOperationStatuses/x?api-version=2024-06-01",
    );
    let rig = Rig::new(vec![
        answer(202, &[("azure-asyncoperation", &poll), ("retry-after", "60")], ""),
        status("Succeeded"),
        answer(200, &[], done),
    ]);
    assert_eq!(run(&rig, Verb::Put, zone).await.unwrap(), Some(json(done)));
    assert_eq!(rig.clock.slept(), [60.0]);
}

#[tokio::test]
async fn what_has_no_state_of_its_own_is_done_with_201() {
    for object in [
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/roleAssignments/g",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/locks/l",
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z/A/www",
        "/subscriptions/s/resourceGroups/rg",
    ] {
        let rig = Rig::new(vec![answer(201, &[], r#"{"properties":{}}"#)]);
        run(&rig, Verb::Put, object).await.unwrap();
        assert_eq!(rig.seen().len(), 1, "{object}");
    }
}

#[tokio::test]
async fn without_links_the_object_tells_how_far_it_is() {
    let rule = format!("{SERVER}/firewallRules/r");
    let rig = Rig::new(vec![
        answer(
            201,
            &[("retry-after", "2")],
            r#"{"properties":{"provisioningState":"Creating"}}"#,
        ),
        answer(200, &[], r#"{"properties":{"provisioningState":"creating"}}"#),
        answer(200, &[], r#"{"properties":{"provisioningState":"SUCCEEDED"}}"#),
    ]);
    run(&rig, Verb::Put, &rule).await.unwrap();
    assert_eq!(rig.clock.slept(), [2.0, 30.0]);

    for (status, body, polls) in [(202, "", 1), (201, "{}", 1), (200, "{}", 0), (204, "", 0)] {
        let rig = Rig::new(vec![answer(status, &[], body), answer(200, &[], "{}")]);
        run(&rig, Verb::Put, &rule).await.unwrap();
        assert_eq!(rig.seen().len(), 1 + polls, "{status}");
    }
}

#[tokio::test]
async fn a_failure_after_acceptance_carries_code_and_status_200() {
    let poll = at("/subscriptions/s/o/1");
    let failed = include_str!("../../../schemas/arm/examples/errors/AnotherOperationInProgress-asyncStatus.json");
    let rig = Rig::new(vec![
        answer(200, &[("azure-asyncoperation", &poll)], "{}"),
        answer(200, &[("x-ms-request-id", "r-1")], failed),
    ]);
    let error = run(&rig, Verb::Put, VNET).await.unwrap_err();
    assert_eq!(error.call.to_string(), format!("PUT {VNET}"));
    assert_eq!(error.failure.retry(), Retry::AfterConflict);
    let Failure::Failed(error) = error.failure else {
        panic!("{error:?}");
    };
    assert_eq!((error.status, error.code.as_str()), (200, "AnotherOperationInProgress"));
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
}

#[tokio::test]
async fn an_end_without_a_reason_is_named_by_its_state() {
    let poll = at("/subscriptions/s/o/1");
    for (word, shown) in [
        ("Canceled", "Canceled"),
        ("cancelled", "cancelled"),
        ("Failed", "Failed"),
    ] {
        let rig = Rig::new(vec![
            answer(202, &[("azure-asyncoperation", &poll)], ""),
            answer(200, &[], &format!(r#"{{"status":"{word}"}}"#)),
        ]);
        let error = run(&rig, Verb::Delete, SERVER).await.unwrap_err();
        assert_eq!(code(&error.failure), shown);
    }
    let rig = Rig::new(vec![answer(
        200,
        &[],
        r#"{"properties":{"provisioningState":"Failed"}}"#,
    )]);
    assert_eq!(code(&run(&rig, Verb::Put, VNET).await.unwrap_err().failure), "Failed");
}

#[tokio::test]
async fn a_literal_placeholder_is_passed_on_as_it_came() {
    let poll = at("/subscriptions/s/o/1");
    let rig = Rig::new(vec![
        answer(202, &[("azure-asyncoperation", &poll)], ""),
        answer(
            200,
            &[],
            r#"{"status":"Failed","error":{"code":"OperationFailed","message":"{0}"}}"#,
        ),
    ]);
    let error = run(&rig, Verb::Patch, SERVER).await.unwrap_err();
    assert_eq!(error.failure.to_string(), "OperationFailed: {0}");
}

#[tokio::test]
async fn patience_ends_with_one_last_look() {
    let poll = at("/subscriptions/s/o/1");
    let running = || answer(200, &[("retry-after", "40")], r#"{"status":"InProgress"}"#);
    let rig = Rig::new(vec![
        answer(202, &[("azure-asyncoperation", &poll), ("retry-after", "40")], ""),
        running(),
        running(),
        running(),
    ]);
    let operation = rig.client.begin(&call(Verb::Delete, SERVER), None).await.unwrap();
    let error = rig
        .client
        .finish(operation, Duration::from_secs(100))
        .await
        .unwrap_err();
    assert_eq!(rig.clock.slept(), [40.0, 40.0, 20.0]);
    assert_eq!(error.failure.to_string(), "not finished after 100 s");
}

#[tokio::test]
async fn a_stored_operation_is_followed_by_another_process() {
    let (poll, location) = (at(STATUS), at(RESULT));
    let rig = Rig::new(vec![answer(
        202,
        &[
            ("azure-asyncoperation", &poll),
            ("location", &location),
            ("retry-after", "9"),
        ],
        "",
    )]);
    let operation = rig.client.begin(&call(Verb::Delete, SERVER), None).await.unwrap();
    let stored = serde_json::to_string(&operation).unwrap();

    let rig = Rig::new(vec![status("Succeeded")]);
    let operation: Operation = serde_json::from_str(&stored).unwrap();
    rig.client.finish(operation, LONG).await.unwrap();
    assert_eq!(rig.seen()[0].url, poll, "byte for byte");
    assert_eq!(rig.clock.slept(), [9.0]);

    let old = r#"{"running":{"call":{"verb":"delete","id":"/subscriptions/s/resourceGroups/rg"},"follow":"object"}}"#;
    let old: Operation = serde_json::from_str(old).unwrap();
    assert!(matches!(
        old,
        Operation::Running {
            follow: Follow::Object,
            pause: None,
            ..
        }
    ));
}

#[tokio::test]
async fn no_token_goes_to_a_polling_link_on_another_host() {
    let rig = Rig::new(vec![answer(
        202,
        &[("azure-asyncoperation", "https://evil.example/o/1?s=x")],
        "",
    )]);
    let error = rig
        .client
        .begin(&call(Verb::Put, VNET), Some(&body()))
        .await
        .unwrap_err();
    assert!(error.failure.to_string().contains("`evil.example`"), "{error:?}");
    assert_eq!(rig.seen().len(), 1);
}

#[tokio::test]
async fn deleting_what_is_gone_is_done_but_cancelling_what_is_gone_is_not() {
    let rig = Rig::new(vec![refusal(404, &[], "ResourceNotFound")]);
    assert_eq!(run(&rig, Verb::Delete, VNET).await.unwrap(), None);
    let rig = Rig::new(vec![refusal(404, &[], "ResourceNotFound")]);
    assert_eq!(
        code(&run(&rig, Verb::Delete, MIGRATION).await.unwrap_err().failure),
        "ResourceNotFound"
    );
    let rig = Rig::new(vec![refusal(404, &[], "SubscriptionNotFound")]);
    assert_eq!(
        code(&run(&rig, Verb::Delete, VNET).await.unwrap_err().failure),
        "SubscriptionNotFound"
    );
}

#[tokio::test]
async fn what_was_just_created_is_looked_for_a_little_longer() {
    let rig = Rig::new(vec![
        answer(201, &[], "{}"),
        refusal(404, &[], "ResourceNotFound"),
        refusal(404, &[], "ResourceNotFound"),
        answer(200, &[], "{}"),
    ]);
    rig.client
        .begin(&call(Verb::Put, MIGRATION), Some(&body()))
        .await
        .unwrap();
    assert_eq!(
        rig.client.get(&id(MIGRATION)).await.unwrap(),
        Found::Present(json("{}"))
    );
    assert_eq!(rig.clock.slept(), [1.0, 2.0]);

    let rig = Rig::new(vec![answer(201, &[], "{}"), refusal(404, &[], "ResourceNotFound")]);
    rig.client
        .begin(&call(Verb::Put, MIGRATION), Some(&body()))
        .await
        .unwrap();
    rig.clock.advance(31);
    assert_eq!(rig.client.get(&id(MIGRATION)).await.unwrap(), Found::Absent);
}
