//! kill -9 of pgferry around every mutating call while the simulator lives on; the next apply converges, and every migration
//! was created once.

use serde_json::json;

use crate::support::{Ferry, side_by_side, until};

fn settle(ferry: &Ferry) {
    ferry.control(reqwest::Method::DELETE, "faults", None);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let created = ferry.created();
    let names: std::collections::BTreeSet<&String> = created.iter().collect();
    assert_eq!((names.len(), created.len()), (3, 3), "{created:#?}");
}

/// How many mutating calls an undisturbed apply makes.
fn calls() -> u64 {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    ferry.writes().len() as u64
}

/// Kills pgferry while the answer to its `nth` mutating call is on its way: the call took effect, nobody was told.
fn kill_at(nth: u64, fault: &serde_json::Value) {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    for method in ["PUT", "PATCH", "DELETE"] {
        ferry.control(
            reqwest::Method::POST,
            "faults",
            Some(json!({ "method": method, "nth": nth, "fault": fault })),
        );
    }
    let before = ferry.writes().len() as u64;
    let mut running = ferry.start(&["apply", "--auto-approve"]);
    until("the call arrives or the run ends", || {
        ferry.writes().len() as u64 >= before + nth || running.has_ended()
    });
    if !running.has_ended() {
        running.signal("KILL");
        let _ = running.finish(std::time::Duration::from_secs(10));
    }
    settle(&ferry);
}

#[test]
fn a_kill_at_any_mutating_call_costs_nothing_but_time() {
    let calls = calls();
    let rounds = option_env!("PGFERRY_TEST_ROUNDS").map_or(1, |text| text.parse().expect("a number of rounds"));
    let all = (0..rounds).flat_map(|_: u64| 1..=calls);
    side_by_side(all, |nth| {
        kill_at(nth, &json!({ "kind": "slow_wall", "milliseconds": 3000 }))
    });
}

#[test]
fn a_lost_reply_of_any_mutating_call_costs_nothing_but_time() {
    side_by_side(1..=calls(), |nth| {
        let ferry = Ferry::example("quickstart");
        ferry.wake_simulator();
        for method in ["PUT", "PATCH", "DELETE"] {
            let fault = json!({ "method": method, "nth": nth, "fault": { "kind": "reset_after" } });
            ferry.control(reqwest::Method::POST, "faults", Some(fault));
        }
        let _ = ferry.run(&["apply", "--auto-approve"]);
        settle(&ferry);
    });
}
