//! What others changed: told by `drift`, taken into the configuration, or into the memory alone.

use std::process::Command;

use serde_json::{Value, json};

use crate::kinds::project;
use crate::support::Ferry;

const PEERINGS: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-hub/virtualNetworkPeerings/vnet-hub-to-vnet-target?api-version=2024-07-01";

/// A peering whose forward side somebody else lets forward traffic.
fn drifted(peering: &str) -> Ferry {
    let ferry = project(peering);
    let _ = ferry.apply();
    let clean = ferry.run(&["drift"]).expect(0);
    assert!(
        clean.out.contains("Nobody changed what pgferry remembers."),
        "{}",
        clean.out
    );
    let _ = ferry.run(&["simulator", "world"]).expect(0);
    let mut body = ferry.arm("GET", PEERINGS, json!(null));
    body["properties"]["allowForwardedTraffic"] = json!(true);
    ferry.arm("PUT", PEERINGS, json!({ "properties": body["properties"] }));
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    ferry
}

/// A text without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const PLAIN: &str = "vnet_peering \"p\" {\n  from = network.a\n  to   = network.b\n  forward {\n    allow_forwarded_traffic = false\n  }\n}\n";

#[test]
fn the_patch_of_drift_makes_the_configuration_say_what_others_made() {
    let ferry = drifted(PLAIN);
    let drift = ferry.run(&["drift"]).expect(5);
    assert!(
        drift.out.contains("allow_forwarded_traffic = false -> true"),
        "{}",
        drift.out
    );
    let told: Value = serde_json::from_str(&ferry.run(&["drift", "--json"]).expect(5).out).unwrap();
    assert_eq!(told["drift"][0]["fields"][0]["after"], json!(true), "{told:#}");
    let patch = ferry.run(&["drift", "--patch"]).expect(5).out;
    std::fs::write(ferry.path("accept.patch"), &patch).unwrap();
    let applied = Command::new("git")
        .args(["apply", "--unsafe-paths", "accept.patch"])
        .current_dir(ferry.path("."))
        .output()
        .unwrap();
    assert!(
        applied.status.success(),
        "{patch}\n{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    let plan = ferry.run(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.out.contains("No changes."), "{}", plan.out);
}

#[test]
fn what_is_only_remembered_is_no_drift_any_more_and_stays_in_azure() {
    let ferry = drifted(PLAIN);
    let _ = ferry.run(&["plan", "--refresh-only", "--detailed-exitcode"]).expect(5);
    let applied = ferry.run(&["apply", "--refresh-only", "--auto-approve"]).expect(0);
    assert!(applied.out.contains("Refresh complete. 1 unit done"), "{}", applied.out);
    let _ = ferry.run(&["drift"]).expect(0);
    assert_eq!(
        ferry.arm("GET", PEERINGS, json!(null))["properties"]["allowForwardedTraffic"],
        json!(true)
    );
    let plan = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(
        words(&plan.out).contains("will be updated in place, because it is declared"),
        "{}",
        plan.out
    );
}

#[test]
fn what_others_deleted_is_forgotten_and_made_anew_by_the_next_apply() {
    let ferry = drifted(PLAIN);
    ferry.arm("DELETE", PEERINGS, json!(null));
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    let drift = ferry.run(&["drift"]).expect(5);
    assert!(
        words(&drift.out).contains("will be forgotten, because somebody deleted it; it is gone from Azure"),
        "{}",
        drift.out
    );
    let _ = ferry.run(&["apply", "--refresh-only", "--auto-approve"]).expect(0);
    let _ = ferry.run(&["drift"]).expect(0);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("2 to add, 0 to change, 1 to destroy"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
}
