//! Every scripted fault once per kind of call: the run converges, by itself or with the next apply.

use serde_json::{Value as Json, json};

use crate::support::{Ferry, rounds, side_by_side};

/// A project, and each kind of call that it makes: lists, looks, creates, steps of a migration, looks at what an operation has
/// come to, logins.
struct Course {
    project: fn() -> Ferry,
    calls: &'static [(&'static str, &'static str)],
    /// The calls of a destroy that delete something.
    deletions: &'static [&'static str],
    migrations: usize,
}

const QUICKSTART: Course = Course {
    project: || Ferry::example("quickstart"),
    calls: &[
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
    ],
    deletions: &[
        "*/virtualNetworkPeerings/*",
        "*/virtualNetworkLinks/*",
        "*/privateDnsZones/privatelink*",
    ],
    migrations: 3,
};

/// The kinds that the quickstart does without.
const GUARDED: Course = Course {
    project: Ferry::guarded,
    calls: &[
        ("GET", "*/firewallRules"),
        ("GET", "*/networkSecurityGroups/nsg-erp"),
        ("GET", "*/privateEndpoints/erp"),
        ("GET", "*/privateDnsZoneGroups"),
        ("GET", "*/flexibleServers/pg-erp-prod/databases"),
        ("PUT", "*/firewallRules/*"),
        ("PUT", "*/securityRules/*"),
        ("PUT", "*/privateEndpoints/erp"),
        ("PUT", "*/privateDnsZoneGroups/*"),
        ("GET", "*/azureAsyncOperation/*"),
        ("GET", "*/privateDnsOperationStatuses/*"),
    ],
    deletions: &[
        "*/firewallRules/*",
        "*/securityRules/*",
        "*/privateEndpoints/erp",
        "*/privateDnsZoneGroups/*",
    ],
    migrations: 1,
};

fn faults() -> Vec<Json> {
    vec![
        json!({ "kind": "status", "status": 429, "code": "TooManyRequests", "retry_after": 3 }),
        json!({ "kind": "status", "status": 503, "code": "ServiceUnavailable", "retry_after": 3 }),
        json!({ "kind": "status", "status": 500, "code": "InternalServerError" }),
        json!({ "kind": "reset_before" }),
        json!({ "kind": "reset_after" }),
        json!({ "kind": "slow", "by": "90s" }),
        json!({ "kind": "slow_wall", "milliseconds": 300 }),
        json!({ "kind": "slow_body", "milliseconds": 300 }),
        json!({ "kind": "duplicate" }),
        json!({ "kind": "another_answer" }),
        json!({ "kind": "truncate", "bytes": 20 }),
    ]
}

/// What can happen to a write alone, and only where there is room for it.
fn faults_of_writes(method: &str, path: &str) -> Vec<Json> {
    let mut faults = Vec::new();
    // A firewall rule comes to be when its operation ends: what is created is found at once.
    if method == "PUT" && !path.contains("firewallRules") {
        faults.push(json!({ "kind": "not_found_after_create", "lasting": "60s" }));
    }
    // Writes of migrations are done with their answer: there is no operation that could fail (contract 2.5).
    if ["PUT", "DELETE"].contains(&method) && !path.contains("migrations") {
        faults.push(json!({ "kind": "operation_fails", "code": "InternalServerError" }));
    }
    faults
}

/// Conflicts of ARM; those that only a person can clear end the run with an error first.
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

/// A fault and the call that it meets.
type Case = (&'static str, &'static str, Json);

/// Each conflict with one of these writes, or with all of them; of two projects only one has its `turn` in the usual run.
fn conflicts(writes: &[(&'static str, &'static str)], turn: bool) -> Vec<Case> {
    let mut cases = Vec::new();
    if !turn && rounds() == 1 {
        return cases;
    }
    for (at, code) in CONFLICTS.iter().enumerate() {
        for (number, (method, path)) in writes.iter().enumerate() {
            if number == at % writes.len() || rounds() > 1 {
                cases.push((*method, *path, json!({ "kind": "conflict", "code": code })));
            }
        }
    }
    cases
}

/// Every fault with the calls of an apply that it can meet; where many rounds are not asked for, `one_in` so many of them, so
/// chosen that each fault and each call has its turn.
fn cases(course: &Course, one_in: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, (method, path)) in course.calls.iter().enumerate() {
        let all = faults().into_iter().chain(faults_of_writes(method, path)).enumerate();
        let chosen = all.filter(|(at, _)| rounds() > 1 || (at + number).is_multiple_of(one_in));
        cases.extend(chosen.map(|(_, fault)| (*method, *path, fault)));
    }
    let writes = course.calls.iter().copied();
    let writes: Vec<_> = writes.filter(|(method, _)| ["PUT", "PATCH"].contains(method)).collect();
    cases.extend(conflicts(&writes, one_in == 1));
    cases
}

/// The same for the deletions of a destroy.
fn cases_of_deletions(course: &Course) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, path) in course.deletions.iter().enumerate() {
        let all = faults().into_iter().chain(faults_of_writes("DELETE", path)).enumerate();
        let chosen = all.filter(|(at, _)| rounds() > 1 || at % course.deletions.len() == number);
        cases.extend(chosen.map(|(_, fault)| ("DELETE", *path, fault)));
    }
    let deletions: Vec<_> = course.deletions.iter().map(|path| ("DELETE", *path)).collect();
    // A destroy of few migrations has taken the shortest apply.
    cases.extend(conflicts(&deletions, course.migrations == 1));
    cases
}

/// Insists that the only rule has met its call.
fn expect_met(ferry: &Ferry, case: &Case) {
    let armed = ferry.control(reqwest::Method::GET, "faults", None);
    assert_eq!(armed.pointer("/0/fired"), Some(&json!(1)), "nothing met {case:?}");
}

fn project(course: &Course, (method, path, fault): &Case) -> Ferry {
    let ferry = (course.project)();
    ferry.world(|world| world["faults"] = json!([{ "method": method, "path": path, "fault": fault }]));
    ferry
}

fn survive(course: &Course, case: &Case) {
    let ferry = project(course, case);
    let first = ferry.run(&["apply", "--auto-approve"]);
    let said = first.all();
    assert!(!said.contains("panicked"), "{said}");
    if first.code != 0 {
        let _ = ferry.apply();
    }
    expect_met(&ferry, case);
    ferry.expect_no_changes();
    let created = ferry.created();
    assert_eq!(created.len(), course.migrations, "{case:?}: {created:#?}\n{said}");
}

fn survive_destroying(course: &Course, case: &Case) {
    let ferry = project(course, case);
    let _ = ferry.apply();
    let first = ferry.run(&["destroy", "--auto-approve"]);
    let said = first.all();
    assert!(!said.contains("panicked"), "{said}");
    if first.code != 0 {
        let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    }
    expect_met(&ferry, case);
    let left = ferry.run(&["plan", "--destroy"]).expect(0);
    assert!(left.out.contains("No changes"), "{case:?}:\n{}\n{said}", left.out);
    let listed = ferry.run(&["state", "list"]).expect(0).out;
    assert!(listed.is_empty(), "{case:?}: {listed}");
}

#[test]
fn every_fault_of_every_kind_of_call_is_survived() {
    side_by_side(cases(&QUICKSTART, 1).into_iter(), |case| survive(&QUICKSTART, &case));
}

#[test]
fn every_fault_is_survived_where_rules_and_endpoints_are_made() {
    side_by_side(cases(&GUARDED, 3).into_iter(), |case| survive(&GUARDED, &case));
}

#[test]
fn every_fault_of_a_deletion_is_survived() {
    for course in [QUICKSTART, GUARDED] {
        side_by_side(cases_of_deletions(&course).into_iter(), |case| {
            survive_destroying(&course, &case);
        });
    }
}

#[test]
fn a_service_that_dies_is_followed_by_one_that_lives() {
    let calls = QUICKSTART.calls.iter().copied();
    let deletions = QUICKSTART.deletions.iter().map(|path| ("DELETE", *path));
    side_by_side(calls.chain(deletions), |(method, path)| {
        let case = (method, path, json!({ "kind": "service_dies" }));
        let ferry = project(&QUICKSTART, &case);
        let command = match method {
            "DELETE" => {
                let _ = ferry.apply();
                "destroy"
            }
            _ => "apply",
        };
        let first = ferry.run(&[command, "--auto-approve"]);
        assert_ne!(first.code, 0, "{case:?}: {}", first.all());
        let _ = ferry.run(&[command, "--auto-approve"]).expect(0);
        expect_met(&ferry, &case);
        if command == "apply" {
            ferry.expect_no_changes();
        }
    });
}

/// Lets the first migration go wrong in this way.
fn troubled(how: Json) -> Ferry {
    let fault = json!({ "kind": "migration", "how": how });
    project(&QUICKSTART, &("PUT", "*/migrations/*", fault))
}

/// What was said, on one line.
fn words(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_migration_that_goes_wrong_is_told_and_tried_again_under_a_new_name() {
    let ways = [
        (
            json!({ "what": "validation_fails", "check": "ExtensionsValidation", "database": "archive", "message": "no hstore" }),
            "no hstore",
        ),
        (
            json!({ "what": "cutover_fails", "message": "the source is gone" }),
            "the source is gone",
        ),
        // Nothing moves and nothing ends, until the service gives up.
        (
            json!({ "what": "stuck", "database": "crmdb" }),
            "nothing has moved since",
        ),
    ];
    side_by_side(ways.into_iter(), |(how, told)| {
        let ferry = troubled(how);
        // What the service waits for before it gives a migration up.
        ferry.world(|world| world["options"] = json!({ "phases": { "lifetime": "4h" } }));
        let failed = ferry.run(&["apply", "--auto-approve"]).expect(1);
        let said = words(&failed.all());
        assert!(said.contains(told) && said.contains("--retry"), "{said}");
        let still = words(&ferry.run(&["plan"]).expect(0).out);
        assert!(still.contains("is not tried again by itself"), "{still}");
        let retry = ["apply", "--auto-approve", "--retry", "database_batch.wave1"];
        let _ = ferry.run(&retry).expect(0);
        let created = ferry.created();
        assert!(created.iter().any(|path| path.contains("wave1m1r1")), "{created:#?}");
        ferry.expect_no_changes();
    });
}

#[test]
fn a_migration_that_asks_is_answered_where_the_configuration_has_an_answer() {
    for (on, body) in [
        ("databases", None),
        (
            "scheduling",
            Some(json!({ "properties": { "startDataMigration": "True" } })),
        ),
    ] {
        let ferry = troubled(json!({ "what": "waits", "on": on }));
        let _ = ferry.apply();
        ferry.expect_no_changes();
        let entries = ferry.entries();
        let first = entries.iter().find(|entry| entry["method"] == "PATCH").unwrap();
        let body = body.unwrap_or_else(|| {
            let created = entries
                .iter()
                .find(|entry| entry["method"] == "PUT" && entry["body"]["properties"]["dbsToMigrate"].is_array());
            json!({ "properties": { "dbsToMigrate": created.unwrap()["body"]["properties"]["dbsToMigrate"] } })
        });
        assert_eq!(first["body"], body, "{on}");
    }
}

#[test]
fn a_migration_that_asks_a_person_waits_until_the_configuration_answers() {
    let mode = "mode           = \"online\"";
    let consent = "{ for name in local.databases : name => \"overwrite\" }";
    for (on, answer, sent) in [
        (
            "logical_replication",
            "setup_logical_replication = true".to_owned(),
            "setupLogicalReplicationOnSourceDbIfNeeded",
        ),
        ("overwrite", format!("accept_loss = {consent}"), "overwriteDbsInTarget"),
    ] {
        let ferry = troubled(json!({ "what": "waits", "on": on }));
        let asked = ferry.run(&["apply", "--auto-approve"]).expect(4);
        let argument = answer.split(' ').next().unwrap();
        assert!(words(&asked.all()).contains(argument), "{}", asked.all());
        ferry.edit(mode, &format!("{mode}\n  {answer}"));
        let _ = ferry.apply();
        ferry.expect_no_changes();
        let entries = ferry.entries();
        let first = entries.iter().find(|entry| entry["method"] == "PATCH").unwrap();
        assert_eq!(first["body"], json!({ "properties": { sent: "True" } }), "{on}");
    }
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
