//! A manual cutover waits for a person, lets everything else go on, and can be done from a second terminal.

use std::time::Duration;

use crate::support::{Ferry, until};

const MANUAL: (&str, &str) = ("policy = \"automatic\"", "policy = \"manual\"");

#[test]
fn a_manual_cutover_ends_the_run_with_four_and_is_done_by_hand() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    let waiting = ferry.run(&["apply", "--auto-approve"]).expect(4);
    assert!(
        waiting.all().contains("pgferry cutover 'database_batch.wave1#1'"),
        "{}",
        waiting.all()
    );
    assert!(!waiting.all().contains("right before the trigger"), "{}", waiting.all());
    let way_on = "To go on: pgferry cutover 'database_batch.wave1#1'\nAfter that: pgferry apply\n";
    assert!(waiting.out.contains(way_on), "{}", waiting.all());
    let plan = ferry.run(&["plan"]).expect(0).out;
    assert!(plan.contains("ready for its cutover"), "{plan}");
    assert!(
        plan.contains("waits for its cutover, until you type\n            pgferry cutover 'database_batch.wave1#1'"),
        "{plan}"
    );
    for number in 1..=3 {
        let address = format!("database_batch.wave1#{number}");
        let cutover = ferry.run(&["cutover", &address, "--auto-approve"]).expect(0);
        assert!(
            cutover.all().contains("lag"),
            "the gate's reading is shown: {}",
            cutover.all()
        );
        let code = if number == 3 { 0 } else { 4 };
        let _ = ferry.run(&["apply", "--auto-approve"]).expect(code);
    }
    let told = ferry.run(&["history", "--json"]).expect(0).out;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let last = told["runs"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["outcome"], &last["exit"]),
        (&"succeeded".into(), &0.into()),
        "{told:#}"
    );
    assert!(last["summary"].as_str().unwrap().starts_with("apply: "), "{last}");
    ferry.expect_no_changes();
}

#[test]
fn what_queues_what_waits_and_what_is_over_is_told_as_it_is() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    let here = ferry.path("").display().to_string();
    let run = |arguments: &[&str]| ferry.run(&[&["-C", here.trim_end_matches('/')], arguments].concat());
    let waiting = run(&["apply", "--auto-approve"]).expect(4).all();
    let line = format!(
        "pgferry -C {} cutover 'database_batch.wave1#1'",
        here.trim_end_matches('/')
    );
    assert!(waiting.contains(&line), "{waiting}");
    let status = run(&["status"]).expect(0).out;
    assert!(status.contains("#2  8 databases, waits for #1"), "{status}");
    let queued = run(&["cutover", "database_batch.wave1#2"]).expect(1).all();
    assert!(queued.contains("it waits for #1"), "{queued}");
    assert!(!queued.contains("did you mean"), "{queued}");
    for unknown in [
        &["status", "database_batch.wvae1"][..],
        &["plan", "--retry", "database_batch.wave2"],
    ] {
        let said = run(unknown).expect(1).all();
        assert!(said.contains("did you mean database_batch.wave1?"), "{said}");
    }
    let refused = run(&["destroy", "--auto-approve"]).expect(1).all();
    assert_eq!(refused.matches("error[").count(), 1, "{refused}");
    let _ = run(&["cutover", "database_batch.wave1#1", "--auto-approve"]).expect(0);
    let over = run(&["cutover", "database_batch.wave1#1"]).expect(0).all();
    assert!(over.contains("has succeeded already"), "{over}");
}

#[test]
fn a_batch_taken_out_while_it_waits_is_not_over() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let declared = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let end = declared.find("database_batch \"wave1\"").unwrap();
    ferry.write("main.hcl", &declared[..end]);
    let _ = std::fs::remove_file(ferry.path("outputs.hcl"));
    let left = ferry.run(&["apply", "--auto-approve"]).expect(4).all();
    assert!(left.contains("pgferry cutover 'database_batch.wave1#1'"), "{left}");
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(0);
    let history = ferry.run(&["history"]).expect(0).out;
    assert!(
        history.contains("cutover database_batch.wave1#1: triggered"),
        "{history}"
    );
    ferry.expect_no_changes();
}

#[test]
fn status_tells_the_queue_that_the_plan_shows() {
    let ferry = Ferry::example("quickstart");
    ferry.append(
        r#"
        database_batch "urgent" {
          source         = source.erp
          target         = target.erp
          runtime_server = runtime_server.shared
          databases      = ["payroll"]
          mode           = "online"
          priority       = 5
        }
        "#,
    );
    let first = "database_batch.urgent#1";
    let plan = ferry.run(&["plan"]).expect(0).out;
    assert!(plan.contains(&format!("waits for {first}")), "{plan}");
    let status = ferry.run(&["status"]).expect(0).out;
    assert!(
        status.contains(&format!("#1  8 databases, waits for {first}")),
        "{status}"
    );
    // One batch alone is asked for: what it waits for is another one's all the same.
    let one = ferry.run(&["status", "database_batch.wave1#1", "--json"]).expect(0);
    let one: serde_json::Value = serde_json::from_str(&one.out).unwrap();
    let queued = &one["queued"];
    assert_eq!(
        queued[0]["waits_for"],
        serde_json::json!([{ "unit": first }]),
        "{one:#}"
    );
}

#[test]
fn nobody_cuts_over_on_conditions_that_cannot_be_read() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let writes = ferry.writes();
    ferry.append("output \"broken\" { value = network.nowhere.id }\n");
    let refused = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(1);
    assert!(refused.all().contains("network.nowhere"), "{}", refused.all());
    assert_eq!(ferry.writes(), writes);
    let status = ferry.run(&["status"]).expect(0);
    assert!(
        status.all().contains("The configuration does not hold"),
        "{}",
        status.all()
    );
}

#[test]
fn a_renamed_batch_is_cut_over_under_its_new_name_before_the_next_apply() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    ferry.edit("database_batch \"wave1\"", "database_batch \"first\"");
    ferry.edit("database_batch.wave1.databases", "database_batch.first.databases");
    ferry.append("moved {\n  from = database_batch.wave1\n  to   = database_batch.first\n}\n");
    let status = ferry.run(&["status"]).expect(0).out;
    assert!(
        status.contains("database_batch.first: 1 migration, 2 more to come"),
        "{status}"
    );
    let _ = ferry
        .run(&["cutover", "database_batch.first#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    assert_eq!(ferry.created().len(), 2);
}

#[test]
fn a_cutover_from_a_second_terminal_releases_the_first_run() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(MANUAL.0, MANUAL.1);
    ferry.edit("output \"databases\"", SECOND);
    ferry.world(|world| {
        world["clock"] = "x240".into();
        let objects = world["objects"].as_array_mut().unwrap();
        let mut other = objects
            .iter()
            .find(|object| object["name"] == "pg-erp-prod")
            .unwrap()
            .clone();
        let text = other
            .to_string()
            .replace("pg-erp-prod", "pg-other")
            .replace("\"Disabled\"", "\"Enabled\"");
        other = serde_json::from_str(&text).unwrap();
        objects.push(other);
        let mut source = world["sources"][0].clone();
        source["host"] = "shop.example.net".into();
        source["network"] = serde_json::Value::Null;
        source["databases"] = serde_json::json!([{ "name": "slow", "size_mb": 400000, "tables": 1000 }]);
        world["sources"].as_array_mut().unwrap().push(source);
    });
    ferry.wake_simulator();
    let running = ferry.start(&["apply", "--auto-approve"]);
    let status = |text: &str| ferry.run(&["status"]).out.contains(text);
    until("the first migration waits for its cutover", || {
        status("WaitingForCutover")
    });
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    until("the first run goes on with the second migration", || {
        ferry
            .writes()
            .iter()
            .any(|write| write.starts_with("PUT") && write.contains("wave1m2"))
    });
    ferry.control(
        reqwest::Method::POST,
        "clock",
        Some(serde_json::json!({ "mode": "event" })),
    );
    let answer = running.finish(Duration::from_secs(60));
    assert_eq!(answer.code, 4, "{}", answer.all());
}

const SECOND: &str = r#"
source "other" {
  type     = "on_premises"
  host     = "shop.example.net"
  username = "migrator"
  password = var.erp_password
}

target "other" {
  name           = "pg-other"
  admin_username = "pgadmin"
  admin_password = var.target_password
}

database_batch "other" {
  source    = source.other
  target    = target.other
  databases = ["slow"]
  depends_on = [vnet_peering.hub_runtime]
}

output "databases""#;
