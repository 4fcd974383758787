//! Azure on a bad day, when a third of all calls go wrong in one way or another, and Azure with its quotas: applies converge,
//! with a number of calls that has a bound, and nothing is made twice.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::{Ferry, side_by_side};

/// What goes wrong with how many of the calls: a third in all, and a tenth of what is written is not to be seen for a while.
/// Of the conflicts of contract 2.7 those that pass; what only a person can clear ends a run, and has its turn in `faults`.
fn weather() -> Json {
    let rule = |method: Option<&str>, probability: f64, fault: Json| {
        let mut rule = json!({ "count": 0, "probability": probability, "fault": fault });
        if let Some(method) = method {
            rule["method"] = method.into();
        }
        rule
    };
    let status =
        |status: u16, code: &str| json!({ "kind": "status", "status": status, "code": code, "retry_after": 5 });
    json!([
        rule(None, 0.05, status(429, "TooManyRequests")),
        rule(None, 0.05, status(503, "ServiceUnavailable")),
        rule(None, 0.05, json!({ "kind": "reset_before" })),
        rule(None, 0.05, json!({ "kind": "reset_after" })),
        rule(None, 0.05, json!({ "kind": "truncate", "bytes": 20 })),
        rule(None, 0.05, json!({ "kind": "slow", "by": "40s" })),
        rule(None, 0.05, json!({ "kind": "slow_body", "milliseconds": 50 })),
        rule(None, 0.05, json!({ "kind": "duplicate" })),
        rule(None, 0.05, json!({ "kind": "another_answer" })),
        rule(
            Some("PUT"),
            0.1,
            json!({ "kind": "not_found_after_create", "lasting": "45s" })
        ),
        rule(
            Some("PUT"),
            0.05,
            json!({ "kind": "conflict", "code": "AnotherOperationInProgress" })
        ),
        rule(
            Some("PUT"),
            0.05,
            json!({ "kind": "conflict", "code": "RetryableError" })
        ),
        rule(
            Some("PUT"),
            0.05,
            json!({ "kind": "conflict", "code": "ReferencedResourceNotProvisioned" })
        ),
        rule(
            Some("PATCH"),
            0.05,
            json!({ "kind": "conflict", "code": "ServerIsBusy" })
        ),
        rule(Some("PATCH"), 0.05, json!({ "kind": "conflict", "code": "ServerBusy" })),
    ])
}

/// How many requests an undisturbed apply makes.
fn undisturbed() -> usize {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let before = ferry.requests().len();
    let _ = ferry.apply();
    ferry.requests().len() - before
}

#[test]
fn an_apply_converges_on_a_bad_day_with_a_bounded_number_of_calls() {
    const APPLIES: usize = 4;
    let calls = undisturbed();
    side_by_side(1..=6_u64, |seed| {
        let ferry = Ferry::example("quickstart");
        ferry.world(|world| {
            world["faults"] = weather();
            world["options"]["random_seed"] = seed.into();
        });
        let mut said = Vec::new();
        let arrived = (0..APPLIES).find(|_| {
            let answer = ferry.run(&["apply", "--auto-approve"]);
            said.push(answer.all());
            answer.code == 0
        });
        let applies = arrived.unwrap_or_else(|| panic!("seed {seed}: not there yet:\n{}", said.join("\n---\n"))) + 1;
        let made = ferry.requests().len();
        assert!(
            made <= applies * calls * 4,
            "seed {seed}: {made} requests in {applies} applies, where a calm day takes {calls}"
        );
        ferry.control(reqwest::Method::DELETE, "faults", None);
        ferry.expect_no_changes();
        let created = ferry.created();
        let names: BTreeSet<&String> = created.iter().collect();
        assert_eq!((names.len(), created.len()), (3, 3), "seed {seed}: {created:#?}");
        expect_looked_before_repeated(&ferry, seed);
    });
}

/// Insists that no start of a migration that took effect was sent for again without a look that did not find it.
fn expect_looked_before_repeated(ferry: &Ferry, seed: u64) {
    let entries = ferry.entries();
    let text = |entry: &Json, name: &str| entry[name].as_str().unwrap().to_owned();
    let mut open: BTreeSet<String> = BTreeSet::new();
    for entry in &entries {
        let (method, path, status) = (text(entry, "method"), text(entry, "path"), entry["status"].as_u64());
        if !path.contains("/migrations/") {
            continue;
        }
        let path = path.split('?').next().unwrap().to_owned();
        match (method.as_str(), status) {
            ("PUT", status) => {
                assert!(
                    !open.contains(&path),
                    "seed {seed}: {path} was sent for again, and nobody had looked"
                );
                if status < Some(300) {
                    open.insert(path);
                }
            }
            ("GET", Some(404)) => drop(open.remove(&path)),
            (_, _) => {}
        }
    }
}

#[test]
fn two_hundred_links_stay_inside_the_quota_of_private_dns() {
    let ferry = Ferry::example("quickstart");
    let text = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let (head, _) = text.split_once("source \"erp\"").unwrap();
    let zones = r#"
dns_zone "many" {
  for_each = toset([for number in range(100) : "part${number}.example.net"])
  name     = each.key
}

dns_link "many" {
  for_each = dns_zone.many
  zone     = each.value
  networks = [network.runtime, network.target]
}
"#;
    ferry.write("main.hcl", &format!("{head}{zones}"));
    let _ = ferry.apply();
    let reads: Vec<(jiff::Timestamp, u64)> = ferry
        .entries()
        .iter()
        .filter(|entry| entry["method"] == "GET")
        .filter(|entry| entry["path"].as_str().unwrap().to_lowercase().contains("privatedns"))
        .map(|entry| {
            let time = entry["time"].as_str().unwrap().parse().unwrap();
            (time, entry["status"].as_u64().unwrap())
        })
        .collect();
    let links = ferry
        .writes()
        .iter()
        .filter(|write| write.contains("/virtualNetworkLinks/"))
        .count();
    assert_eq!(links, 200);
    let refused = reads.iter().filter(|(_, status)| *status == 429).count();
    assert_eq!(refused, 0, "the quota was met {refused} times in {} reads", reads.len());
    let most = reads.iter().map(|(begin, _)| {
        let end = *begin + std::time::Duration::from_secs(300);
        reads.iter().filter(|(time, _)| time >= begin && *time < end).count()
    });
    let most = most.max().unwrap();
    assert!(most <= 500, "{most} reads within five minutes");
}
