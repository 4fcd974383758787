//! What the history tells an auditor: who did what, when, from which plan, on what word, how it ended and what failed, also of
//! those who left before the end.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::backend::Backend;
use crate::support::{Ferry, until};

/// The lines of the history, latest last.
fn told(ferry: &Ferry) -> Vec<Json> {
    let shown = ferry.run(&["history", "--json"]).expect(0).out;
    let shown: Json = serde_json::from_str(&shown).unwrap();
    shown["runs"].as_array().unwrap().clone()
}

fn fingerprint(ferry: &Ferry) -> String {
    let planned = ferry.run(&["plan", "--json"]).expect(0).out;
    let planned: Json = serde_json::from_str(&planned).unwrap();
    planned["pgferry"]["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn who_submits_and_leaves_and_who_finishes_it_are_both_told() {
    let ferry = Ferry::example("quickstart");
    let approved = fingerprint(&ferry);
    let submit = ["apply", "--approved", &approved, "--wait", "none"];
    let _ = ferry.run_with("USER", "ada", &submit).expect(3);
    let lines = told(&ferry);
    let [left] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(left["by"].as_str().unwrap().starts_with("ada"), "{left}");
    assert_eq!(
        (&left["outcome"], &left["exit"], &left["approval"], &left["plan"]),
        (&json!("left"), &json!(3), &json!("fingerprint"), &json!(approved))
    );
    assert!(
        left["summary"].as_str().unwrap().starts_with("apply: left with"),
        "{left}"
    );
    let shown = ferry.run(&["history"]).expect(0).out;
    assert!(
        shown.contains("exit code 3") && shown.contains("approved by its fingerprint"),
        "{shown}"
    );

    let _ = ferry.run_with("USER", "bob", &["wait"]).expect(0);
    let lines = told(&ferry);
    let [_, ended] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    assert_eq!(ended["run"], left["run"]);
    assert_eq!(
        (&ended["outcome"], &ended["exit"], &ended["approval"]),
        (&json!("succeeded"), &json!(0), &json!("fingerprint"))
    );
    assert!(ended["by"].as_str().unwrap().starts_with("ada"), "{ended}");
    assert!(ended["ended_by"].as_str().unwrap().starts_with("bob"), "{ended}");
    let shown = ferry.run(&["history"]).expect(0).out;
    assert!(shown.contains("ended by bob"), "{shown}");
}

#[test]
fn an_apply_that_waits_for_a_person_says_so() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let lines = told(&ferry);
    let [left] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(
        (&left["outcome"], &left["exit"], &left["approval"]),
        (&json!("left"), &json!(4), &json!("auto_approve"))
    );
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    let by_hand = told(&ferry).pop().unwrap();
    assert_eq!(by_hand["approval"], json!("auto_approve"), "{by_hand}");

    // Whoever only waits leaves on the word on which the run was begun.
    let _ = ferry.run(&["wait"]).expect(4);
    let left = told(&ferry).pop().unwrap();
    assert_eq!(
        (&left["outcome"], &left["approval"]),
        (&json!("left"), &json!("auto_approve")),
        "{left}"
    );
}

#[test]
fn an_interrupted_apply_is_told_with_what_it_leaves() {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    let mut first = ferry.start(&["apply", "--auto-approve"]);
    until("the apply writes", || !ferry.writes().is_empty() || first.has_ended());
    first.signal("TERM");
    let _ = first.finish(Duration::from_secs(20)).expect(3);
    let lines = told(&ferry);
    let [left] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!((&left["outcome"], &left["exit"]), (&json!("left"), &json!(3)));
    let summary = left["summary"].as_str().unwrap();
    assert!(summary.starts_with("apply: interrupted with 0 units done"), "{summary}");
}

/// While it only watches, the lock is free: leaving takes it for a moment.
#[test]
fn who_leaves_while_only_watching_is_told_too() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    ferry.control(reqwest::Method::POST, "clock", Some(json!({ "mode": "manual" })));
    let looks = || {
        ferry
            .requests()
            .iter()
            .filter(|request| request.contains("/migrations"))
            .count()
    };
    let before = looks();
    let mut watching = ferry.start(&["wait"]);
    // It takes the lock, looks at what is under way, and lets the lock go.
    until("it looks", || looks() > before || watching.has_ended());
    until("nobody holds the lock", || {
        let shown = ferry.run(&["lock", "show", "--json"]).expect(0).out;
        shown.contains("\"lock\": null") || watching.has_ended()
    });
    watching.signal("INT");
    let _ = watching.finish(Duration::from_secs(20)).expect(3);
    let last = told(&ferry).pop().unwrap();
    assert_eq!((&last["outcome"], &last["exit"]), (&json!("left"), &json!(3)), "{last}");
    assert!(
        last["summary"].as_str().unwrap().starts_with("wait: interrupted"),
        "{last}"
    );
}

/// However slow the place is that keeps the state: who leaves in time leaves no lock behind, and tells of it where it can.
#[test]
fn who_leaves_while_only_watching_leaves_no_lock_behind() {
    for (number, slow) in [(0, 100), (1, 300), (2, 400), (3, 600)] {
        let mut ferry = Ferry::example("quickstart");
        Backend::AzureBlob.keep(&mut ferry, &format!("leaving-{number}"));
        let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
        ferry.control(reqwest::Method::POST, "clock", Some(json!({ "mode": "manual" })));
        let mut watching = ferry.start(&["wait"]);
        let held = || ferry.run(&["lock", "show", "--json"]).expect(0).out;
        until("it has the lock", || {
            held().contains("pgferry wait") || watching.has_ended()
        });
        until("nobody holds the lock", || {
            held().contains("\"lock\": null") || watching.has_ended()
        });
        ferry.gate().unwrap().slow_down(Duration::from_millis(slow));
        watching.signal("INT");
        let answer = watching.finish(Duration::from_secs(10)).expect(3);
        assert!(
            !answer.all().contains("could not be let go"),
            "{slow}: {}",
            answer.all()
        );
        ferry.gate().unwrap().slow_down(Duration::ZERO);
        let held: Json = serde_json::from_str(&held()).unwrap();
        let lapsed = held["lock"].is_null() || held["lock"]["lapsed"] == json!(true);
        assert!(lapsed, "{slow}: {held}");
        let last = told(&ferry).pop().unwrap();
        if slow <= 100 {
            assert!(
                last["summary"].as_str().unwrap().starts_with("wait: interrupted"),
                "{slow}: {last}"
            );
        }
        let _ = ferry
            .run(&["apply", "--auto-approve", "--wait", "none", "--lock-timeout", "0s"])
            .expect(3);
    }
}

#[test]
fn work_by_hand_that_failed_is_told_with_exit_code_and_failure() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let fault = json!({ "method": "PATCH", "path": "*/migrations/*", "count": 0,
        "fault": { "kind": "status", "status": 403, "code": "AuthorizationFailed" } });
    ferry.control(reqwest::Method::POST, "faults", Some(fault));
    let unit = "database_batch.wave1#1";
    let _ = ferry.run(&["cutover", unit, "--auto-approve"]).expect(1);
    let last = told(&ferry).pop().unwrap();
    assert_eq!(
        (&last["outcome"], &last["exit"]),
        (&json!("failed"), &json!(1)),
        "{last}"
    );
    let failure = &last["failures"][0];
    assert_eq!(
        (&failure["unit"], &failure["code"]),
        (&json!(unit), &json!("AuthorizationFailed")),
        "{last}"
    );
}

#[test]
fn what_failed_is_told_with_its_unit_and_code() {
    let ferry = Ferry::example("quickstart");
    let fault = json!({ "method": "PUT", "path": "*/privateDnsZones/*", "count": 0,
        "fault": { "kind": "status", "status": 403, "code": "AuthorizationFailed" } });
    ferry.world(|world| world["faults"] = json!([fault]));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let last = told(&ferry).pop().unwrap();
    assert_eq!(
        (&last["outcome"], &last["exit"]),
        (&json!("failed"), &json!(1)),
        "{last}"
    );
    let failures = last["failures"].as_array().unwrap();
    let of = |unit: &str| failures.iter().find(|failure| failure["unit"] == unit);
    assert_eq!(
        of("dns_zone.endpoint").unwrap()["code"],
        json!("AuthorizationFailed"),
        "{last}"
    );
    let shown = ferry.run(&["history"]).expect(0).out;
    assert!(shown.contains("dns_zone.endpoint (AuthorizationFailed)"), "{shown}");
}
