//! Every form in which an error can come (2.4).

use std::time::Duration;

use super::rig::{BASE, Rig, SERVER, answer, call, id};
use crate::arm::http::Response;
use crate::arm::operation::Follow;
use crate::arm::{ArmRead, ArmWrite, Body, Found, Operation, Retry, ServiceError, Verb};
use crate::azure::decode::service_error;
use crate::secret::Secret;

fn decoded(status: u16, body: &str) -> ServiceError {
    service_error(&Response {
        status,
        headers: vec![("x-ms-request-id".into(), "r-1".into())],
        body: body.as_bytes().to_vec(),
    })
}

/// The error as an indented tree.
fn tree(error: &ServiceError) -> String {
    fn write(error: &ServiceError, depth: usize, out: &mut String) {
        let target = error
            .target
            .as_ref()
            .map(|target| format!(" @{target}"))
            .unwrap_or_default();
        let message = &error.message;
        out.push_str(&format!("{}{}{target}: {message:?}\n", "  ".repeat(depth), error.code));
        for detail in &error.details {
            write(detail, depth + 1, out);
        }
    }
    let mut out = String::new();
    write(error, 0, &mut out);
    out
}

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../../../schemas/arm/examples/errors/", $name, ".json"))
    };
}

#[test]
fn the_published_examples() {
    insta::assert_snapshot!(tree(&decoded(409, example!("ServerIsBusy"))), @r#"ServerIsBusy: "Cannot complete operation while server 'somePgServerName' is busy processing another operation. Try again later.""#);
    insta::assert_snapshot!(tree(&decoded(409, example!("ServerBusy"))), @r#"ServerBusy: "Server 'psqltest00502' is busy with another operation. Please try again later.""#);
    let invalid = decoded(400, example!("InvalidInput-migrationResourceId"));
    assert_eq!(invalid.code, "InvalidInput");
    assert!(invalid.message.ends_with("\r\nParameter name: MigrationResourceId"));
    assert_eq!(invalid.retry(), Retry::Never);
    let wrapped = decoded(429, example!("RetryableError-429"));
    assert!(wrapped.any_code(&["referencedresourcenotprovisioned"]));
    assert_eq!(
        decoded(400, example!("ReferencedResourceNotProvisioned")).retry(),
        Retry::AfterConflict
    );
    assert_eq!(invalid.request_id.as_deref(), Some("r-1"));
}

#[test]
fn nested_errors_are_kept_whatever_they_are_called() {
    let body = r#"{"error":{"code":"RequestDisallowedByPolicy","message":"m","target":"pe","details":[
        {"code":"A","message":"a","details":[{"code":"B","message":"b"}]}],
        "innerError":{"code":"I","message":"i"},
        "additionalInfo":[{"type":"PolicyViolation","info":{"policyAssignmentName":"deny"}}]}}"#;
    insta::assert_snapshot!(tree(&decoded(403, body)), @r#"
    RequestDisallowedByPolicy @pe: "m"
      A: "a"
        B: "b"
      I: "i"
      PolicyViolation: "{\"policyAssignmentName\":\"deny\"}"
    "#);
    let text = r#"{"error":{"code":"X","message":"m","innerError":"Exception: no"}}"#;
    insta::assert_snapshot!(tree(&decoded(500, text)), @r#"
    X: "m"
      InnerError: "Exception: no"
    "#);
}

#[test]
fn the_other_forms() {
    let forms = [
        (400, r#"{"code":"Bare","message":"m"}"#),
        (400, r#"{"Code":"Capital","Message":"m"}"#),
        (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: no"}"#,
        ),
        (400, r#"{"error":{"code":"E","message":"m","details":[]}}"#),
        (400, r#"{"error":{"code":"","message":"m"}}"#),
        (400, r#"{"error":{"message":"m"}}"#),
        (400, r#"{"error":{"code":12,"message":null}}"#),
        (400, r#"{"error":null,"message":"m"}"#),
        (400, "\u{feff}{\"code\":\"Marked\",\"message\":\"m\"}"),
        (400, r#""text""#),
        (400, "[]"),
        (500, ""),
        (500, " \r\n"),
        (502, "<html>\r\n<head><TITLE>Bad\r\nGateway</TITLE></head></html>"),
        (502, "<html></html>"),
        (503, "upstream connect error"),
        (500, r#"{"error":{"code":"Cut","mess"#),
    ];
    let shown: String = forms
        .iter()
        .map(|(status, body)| tree(&decoded(*status, body)))
        .collect();
    insta::assert_snapshot!(shown, @r#"
    Bare: "m"
    Capital: "m"
    invalid_client: "AADSTS7000215: no"
    E: "m"
    HTTP 400: "m"
    HTTP 400: "m"
    12: ""
    HTTP 400: "m"
    Marked: "m"
    HTTP 400: ""
    HTTP 400: ""
    HTTP 500: "the answer has no text"
    HTTP 500: "the answer has no text"
    HTTP 502: "the answer is a page, not JSON: Bad  Gateway"
    HTTP 502: "the answer is a page, not JSON: "
    HTTP 503: "upstream connect error"
    HTTP 500: "the answer is JSON cut short: {\"error\":{\"code\":\"Cut\",\"mess"
    "#);
}

#[test]
fn an_unknown_code_falls_back_to_the_status() {
    for (status, retry) in [
        (500, Retry::Same),
        (429, Retry::Same),
        (404, Retry::Never),
        (409, Retry::Never),
    ] {
        assert_eq!(
            decoded(status, r#"{"error":{"code":"Strange","message":""}}"#).retry(),
            retry,
            "{status}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_answer_is_too_strange(status in 400_u16..600, body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        let error = service_error(&Response { status, headers: Vec::new(), body });
        proptest::prop_assert_eq!(error.status, status);
    }
}

#[tokio::test]
async fn a_secret_that_a_service_repeats_stays_here() {
    let password = "sw0rd\"fish";
    let echo = r#"{"error":{"code":"BadRequest","message":"`sw0rd\"fish` is too weak","target":"sw0rd\"fish",
        "details":[{"code":"Weak","message":"c3cwcmQiZmlzaA== is weak","innererror":"sw0rd%22fish"}]}}"#;
    let body = Body::object([("password", Body::Secret(Secret::new(password)))]);
    let rig = Rig::new(vec![answer(400, &[], echo)]);
    let error = rig
        .client
        .begin(&call(Verb::Put, SERVER), Some(&body))
        .await
        .unwrap_err();
    let shown = format!("{error:?}");
    for form in ["sw0rd", "c3cwcmQi"] {
        assert!(!shown.contains(form), "{shown}");
    }
    assert_eq!(error.failure.to_string(), "BadRequest: `(secret)` is too weak");

    // An operation tells later what it did not like.
    let poll = format!("{BASE}/subscriptions/s/o/1");
    let failed = r#"{"status":"Failed","error":{"code":"Weak","message":"sw0rd\"fish"}}"#;
    let accepted = answer(202, &[("azure-asyncoperation", &poll)], "");
    let rig = Rig::new(vec![accepted, answer(200, &[], failed)]);
    let operation = rig.client.begin(&call(Verb::Put, SERVER), Some(&body)).await.unwrap();
    let error = rig.client.finish(operation, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error.failure.to_string(), "Weak: (secret)");
}

#[tokio::test]
async fn a_secret_that_another_process_has_sent_stays_here_too() {
    let poll = format!("{BASE}/subscriptions/s/o/1");
    let failed = r#"{"status":"Failed","error":{"code":"Weak","message":"`sw0rd\"fish` is too weak"}}"#;
    let rig = Rig::new(vec![answer(200, &[], failed)]);
    rig.client.hide([&Secret::new("sw0rd\"fish")]);
    let accepted = Operation::Running {
        call: call(Verb::Put, SERVER),
        follow: Follow::Status {
            poll: poll.replace(BASE, ""),
            location: None,
        },
        pause: None,
    };
    let error = rig.client.finish(accepted, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(error.failure.to_string(), "Weak: `(secret)` is too weak");
}

#[tokio::test]
async fn what_a_migration_says_of_its_course_holds_no_secret_and_its_names_stay() {
    let migration = r#"{"name":"m1","properties":{"dbsToMigrate":["sw0rdfish"],"currentStatus":{
        "state":"Failed","error":"login with sw0rdfish failed","currentSubStateDetails":{
            "currentSubState":"Completed",
            "dbDetails":{"sw0rdfish":{"databaseName":"sw0rdfish","message":"sw0rdfish? c3cwcmRmaXNo!"}},
            "validationDetails":{"serverLevelValidationDetails":[{"type":"sw0rdfish",
                "messages":[{"state":"Failed","message":"sw0rdfish is weak"}]}]}}}}}"#;
    let told = r#"{"name":"m1","properties":{"dbsToMigrate":["sw0rdfish"],"currentStatus":{
        "state":"Failed","error":"login with (secret) failed","currentSubStateDetails":{
            "currentSubState":"Completed",
            "dbDetails":{"sw0rdfish":{"databaseName":"sw0rdfish","message":"(secret)? (secret)!"}},
            "validationDetails":{"serverLevelValidationDetails":[{"type":"sw0rdfish",
                "messages":[{"state":"Failed","message":"(secret) is weak"}]}]}}}}}"#;
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    let one = || answer(200, &[], migration);
    let all = answer(200, &[], &format!(r#"{{"value":[{migration}]}}"#));
    let rig = Rig::new(vec![one(), all, one(), one()]);
    rig.client.hide([&Secret::new("sw0rdfish")]);
    let m1 = id(&format!("{SERVER}/migrations/m1"));
    assert_eq!(rig.client.get(&m1).await.unwrap(), Found::Present(told.clone()));
    let listed = rig.client.list(&m1.collection().unwrap()).await.unwrap();
    assert_eq!(listed, Some(vec![told.clone()]));
    let cancel = call(Verb::Patch, m1.as_str());
    let begun = rig.client.begin(&cancel, Some(&super::rig::body())).await.unwrap();
    assert_eq!(begun, Operation::Finished(Some(told.clone())));
    let followed = Operation::Running {
        call: cancel,
        follow: Follow::Object,
        pause: None,
    };
    let finished = rig.client.finish(followed, Duration::from_secs(60)).await.unwrap();
    assert_eq!(finished, Some(told));
}
