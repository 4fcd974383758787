//! An interrupt starts nothing new, records what there is and leaves within two seconds; the next apply goes on.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Ferry, until};

#[test]
fn a_signal_while_azure_is_looked_at_ends_the_command_before_anything_was_changed() {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| world["clock"] = "x1".into());
    ferry.wake_simulator();
    // A minute and a half of the wall's own: the test is long over before the answer comes.
    let slow = json!({ "method": "GET", "path": "*/virtualNetworks*", "fault": { "kind": "slow", "by": "90s" } });
    ferry.control(reqwest::Method::POST, "faults", Some(slow));
    let before = ferry.requests().len();
    let running = ferry.start(&["apply", "--auto-approve"]);
    until("Azure is asked", || {
        let requests = ferry.requests();
        let mut since = requests.iter().skip(before);
        since.any(|request| request.contains("virtualNetworks"))
    });
    running.signal("INT");
    let answer = running.finish(Duration::from_secs(2));
    assert_eq!(answer.code, 1, "{}", answer.all());
    assert!(answer.all().contains("before anything was changed"), "{}", answer.all());
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

#[test]
fn an_interrupt_in_place_of_an_answer_is_a_no_and_is_told() {
    let ferry = Ferry::example("tutorial-online");
    let unit = "'database_batch.tutorial#1'";
    let at = |question: &str, arguments: &str, said: &str| {
        let answer = ferry.asked_on_a_terminal(arguments, question, || (), b"\x03");
        assert_eq!(answer.code, 1, "{arguments}: {}", answer.all());
        assert!(answer.all().contains(said), "{arguments}: {}", answer.all());
    };
    at("Enter a value:", "apply", "Interrupted before anything was changed.");
    assert_eq!(ferry.writes(), Vec::<String>::new());
    let declared = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    ferry.append("variable \"night\" {\n  type = string\n}\noutput \"night\" {\n  value = var.night\n}\n");
    at("var.night", "apply", "Interrupted before anything was changed.");
    ferry.write("main.hcl", &declared);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let writes = ferry.writes().len();
    at(
        "Enter a value:",
        &format!("cutover {unit}"),
        "Interrupted: nothing was triggered",
    );
    at(
        "type its address",
        &format!("cancel {unit}"),
        "Interrupted: nothing was cancelled",
    );
    at(
        "Enter a value:",
        "state rm database_batch.tutorial",
        "Interrupted: nothing was forgotten.",
    );
    at(
        "Enter a value:",
        "state rebuild --force",
        "Interrupted: nothing was written.",
    );
    assert_eq!(ferry.writes().len(), writes);
    let _ = ferry
        .run(&["cutover", unit.trim_matches('\''), "--auto-approve"])
        .expect(0);
}

#[test]
fn an_interrupted_apply_leaves_in_time_and_the_next_one_goes_on() {
    for signal in ["INT", "TERM", "HUP"] {
        let ferry = Ferry::example("quickstart");
        ferry.world(|world| world["clock"] = "x60".into());
        ferry.wake_simulator();
        let running = ferry.start(&["apply", "--auto-approve"]);
        until("a migration is created", || {
            ferry.writes().iter().any(|write| write.contains("wave1m1"))
        });
        let begun = Instant::now();
        running.signal(signal);
        let answer = running.finish(Duration::from_secs(10));
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{signal}: {:?}",
            begun.elapsed()
        );
        assert_eq!(answer.code, 3, "{}", answer.all());
        assert!(answer.all().contains("pgferry"), "says how to go on: {}", answer.all());
        ferry.control(
            reqwest::Method::POST,
            "clock",
            Some(serde_json::json!({ "mode": "event" })),
        );
        let _ = ferry.apply();
        let creations: Vec<String> = ferry
            .writes()
            .into_iter()
            .filter(|write| write.starts_with("PUT") && write.contains("/migrations/"))
            .collect();
        assert_eq!(creations.len(), 3, "{creations:#?}");
        ferry.expect_no_changes();
    }
}
