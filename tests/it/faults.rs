//! Every scripted fault once per kind of call: the run converges, by itself or with the next apply.

use serde_json::{Value as Json, json};

use crate::support::{Ferry, side_by_side};

/// Each kind of call of an apply: lists, creates, steps of a migration, looks at what an operation has come to, logins.
const CALLS: [(&str, &str); 10] = [
    ("GET", "*/virtualNetworks*"),
    ("GET", "*/migrations*"),
    ("PUT", "*/virtualNetworkPeerings/*"),
    ("PUT", "*/privateDnsZones/privatelink*"),
    ("PUT", "*/virtualNetworkLinks/*"),
    ("PUT", "*/migrations/*"),
    ("PATCH", "*/migrations/*"),
    ("GET", "*/operations/*"),
    ("GET", "*/migrations/*m1"),
    ("POST", "*/oauth2/*"),
];

fn faults() -> Vec<Json> {
    vec![
        json!({ "kind": "status", "status": 429, "code": "TooManyRequests", "retry_after": 3 }),
        json!({ "kind": "status", "status": 503, "code": "ServiceUnavailable", "retry_after": 3 }),
        json!({ "kind": "status", "status": 500, "code": "InternalServerError" }),
        json!({ "kind": "reset_before" }),
        json!({ "kind": "reset_after" }),
        json!({ "kind": "slow", "by": "90s" }),
        json!({ "kind": "truncate", "bytes": 20 }),
    ]
}

/// Conflicts of ARM; each meets one kind of call, and those that only a person can clear end the run with an error first.
const CONFLICTS: [&str; 12] = [
    "AnotherOperationInProgress",
    "ReferencedResourceNotProvisioned",
    "RetryableError",
    "RemotePeeringIsDisconnected",
    "ServerIsBusy",
    "ServerBusy",
    "PrincipalNotFound",
    "RoleAssignmentExists",
    "PreconditionFailed",
    "ScopeLocked",
    "AuthorizationFailed",
    "RequestDisallowedByPolicy",
];

/// Every fault with the calls that it can meet.
fn cases() -> Vec<(&'static str, &'static str, Json)> {
    let mut cases = Vec::new();
    for (method, path) in CALLS {
        cases.extend(faults().into_iter().map(|fault| (method, path, fault)));
        if method == "PUT" {
            let unseen = json!({ "kind": "not_found_after_create", "lasting": "60s" });
            cases.push((method, path, unseen));
            if !path.contains("migrations") {
                let fails = json!({ "kind": "operation_fails", "code": "InternalServerError" });
                cases.push((method, path, fails));
            }
        }
    }
    for (at, code) in CONFLICTS.iter().enumerate() {
        let writes = CALLS
            .into_iter()
            .filter(|(method, _)| ["PUT", "PATCH"].contains(method));
        let (method, path) = writes.cycle().nth(at).expect("there are writes, again and again");
        cases.push((method, path, json!({ "kind": "conflict", "code": code })));
    }
    cases
}

/// Whether a call of this kind was made, so that its fault struck. In a pattern `*` stands for any characters.
fn has_met(ferry: &Ferry, method: &str, path: &str) -> bool {
    let matches = |request: &String| {
        let mut rest = request.strip_prefix(method).unwrap_or_default();
        let mut parts = path.split('*').filter(|part| !part.is_empty());
        !rest.is_empty()
            && parts.all(|part| match rest.find(part) {
                Some(at) => {
                    rest = rest.get(at + part.len()..).unwrap_or_default();
                    true
                }
                None => false,
            })
    };
    ferry.requests().iter().any(matches)
}

#[test]
fn every_fault_of_every_kind_of_call_is_survived() {
    side_by_side(cases().into_iter(), |(method, path, fault)| {
        let ferry = Ferry::example("quickstart");
        ferry.world(|world| world["faults"] = json!([{ "method": method, "path": path, "fault": fault }]));
        let first = ferry.run(&["apply", "--auto-approve"]);
        let said = first.all();
        assert!(!said.contains("panicked"), "{said}");
        if first.code != 0 {
            let _ = ferry.apply();
        }
        ferry.expect_no_changes();
        assert!(has_met(&ferry, method, path), "nothing met {method} {path}");
        let created = ferry.created();
        assert_eq!(created.len(), 3, "{method} {path} {fault}: {created:#?}\n{said}");
    });
}

#[test]
fn every_fault_of_a_deletion_is_survived() {
    let conflicts = ["AnotherOperationInProgress", "ScopeLocked", "AuthorizationFailed"];
    let conflicts = conflicts.map(|code| json!({ "kind": "conflict", "code": code }));
    let paths = [
        "*/virtualNetworkPeerings/*",
        "*/virtualNetworkLinks/*",
        "*/privateDnsZones/privatelink*",
    ];
    let cases = paths.into_iter().cycle().zip(faults().into_iter().chain(conflicts));
    side_by_side(cases, |(path, fault)| {
        let ferry = Ferry::example("quickstart");
        ferry.world(|world| world["faults"] = json!([{ "method": "DELETE", "path": path, "fault": fault }]));
        let _ = ferry.apply();
        let first = ferry.run(&["destroy", "--auto-approve"]);
        let said = first.all();
        assert!(!said.contains("panicked"), "{said}");
        if first.code != 0 {
            let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
        }
        let left = ferry.run(&["plan", "--destroy"]).expect(0);
        assert!(left.out.contains("No changes"), "{path} {fault}:\n{}\n{said}", left.out);
        let deleted = ferry
            .writes()
            .iter()
            .filter(|write| write.starts_with("DELETE"))
            .count();
        assert!(has_met(&ferry, "DELETE", path), "nothing met DELETE {path}");
        assert!(deleted >= 8, "{path} {fault}: {:#?}", ferry.writes());
    });
}

#[test]
fn a_service_that_dies_is_followed_by_one_that_lives() {
    side_by_side(
        CALLS
            .into_iter()
            .filter(|(method, _)| ["PUT", "PATCH"].contains(method)),
        |(method, path)| {
            let ferry = Ferry::example("quickstart");
            let dies = json!({ "kind": "service_dies" });
            ferry.world(|world| world["faults"] = json!([{ "method": method, "path": path, "fault": dies }]));
            let first = ferry.run(&["apply", "--auto-approve"]);
            assert_ne!(first.code, 0, "{}", first.all());
            let _ = ferry.apply();
            ferry.expect_no_changes();
        },
    );
}

#[test]
fn what_a_validation_warns_of_is_told_though_it_stops_nothing() {
    let ferry = Ferry::example("quickstart");
    let warns = json!({
        "kind": "migration",
        "how": { "what": "validation_warns", "check": "ExtensionsValidation", "database": "archive", "message": "hstore is old" },
    });
    ferry.world(|world| world["faults"] = json!([{ "method": "PUT", "path": "*/migrations/*", "fault": warns }]));
    let said = ferry.apply().all().split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "validation: ExtensionsValidation of `archive`: Warning: hstore is old";
    assert_eq!(said.matches(told).count(), 1, "{said}");
    let status = ferry.run(&["status"]).expect(0).out;
    assert!(status.contains(told), "{status}");
    let status: Json = serde_json::from_str(&ferry.run(&["status", "--json"]).expect(0).out).unwrap();
    let verdicts = status.pointer("/migrations/0/validation/verdict");
    assert_eq!(verdicts, Some(&json!("Warning")), "{status}");
}

#[test]
fn a_failed_migration_is_reported_and_tried_again_only_when_asked() {
    let ferry = Ferry::example("quickstart");
    let fails =
        json!({ "kind": "migration", "how": { "what": "copy_fails", "database": "archive", "message": "disk full" } });
    ferry.world(|world| world["faults"] = json!([{ "method": "PUT", "path": "*/migrations/*", "fault": fails }]));
    let failed = ferry.run(&["apply", "--auto-approve"]).expect(1);
    assert!(failed.all().contains("--retry"), "{}", failed.all());
    let still = ferry.run(&["plan"]).expect(0);
    assert!(still.out.contains("is not tried again by itself"), "{}", still.out);
    // What is declared has not come true, however little is left to do; and nothing new builds on it.
    ferry.append(
        r#"
        dns_zone "afterwards" {
          name       = "afterwards.example.net"
          depends_on = [database_batch.wave1]
        }
        "#,
    );
    let again = ferry.run(&["apply", "--auto-approve"]).expect(1);
    assert!(
        again.all().contains("dns_zone.afterwards is held back"),
        "{}",
        again.all()
    );
    assert!(!ferry.writes().iter().any(|write| write.contains("afterwards")));
    let _ = ferry
        .run(&["apply", "--auto-approve", "--retry", "database_batch.wave1"])
        .expect(0);
    assert!(
        ferry.writes().iter().any(|write| write.contains("wave1m1r1")),
        "{:#?}",
        ferry.writes()
    );
    ferry.expect_no_changes();
}
