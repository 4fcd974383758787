//! The main job: what the README promises of the quickstart.

use crate::support::Ferry;

#[test]
fn nineteen_databases_arrive_in_three_migrations_one_at_a_time() {
    let ferry = Ferry::example("quickstart");
    let answer = ferry.apply();
    let said = answer.all();
    assert!(said.contains("SIMULATED"), "{said}");
    let writes = ferry.writes();
    let of = |method: &str, part: &str| {
        writes
            .iter()
            .filter(|write| write.starts_with(method) && write.to_lowercase().contains(part))
            .count()
    };
    assert_eq!(of("PUT", "/migrations/"), 3, "{writes:#?}");
    assert_eq!(of("PATCH", "/migrations/"), 3, "three cutovers: {writes:#?}");
    assert_eq!(of("PUT", "/virtualnetworkpeerings/"), 4, "{writes:#?}");
    assert_eq!(of("PUT", "/virtualnetworklinks/"), 4, "{writes:#?}");
    let migrations: Vec<&String> = writes
        .iter()
        .filter(|write| write.to_lowercase().contains("/migrations/"))
        .collect();
    let order: Vec<(&str, bool)> = migrations
        .iter()
        .map(|write| (write.split(' ').next().unwrap(), write.contains("wave1m")))
        .collect();
    assert_eq!(
        order,
        [
            ("PUT", true),
            ("PATCH", true),
            ("PUT", true),
            ("PATCH", true),
            ("PUT", true),
            ("PATCH", true)
        ]
    );
    ferry.expect_no_changes();
    let again = ferry.apply();
    assert!(again.out.contains("No changes"), "{}", again.all());
    assert_eq!(ferry.writes().len(), writes.len(), "a second apply writes nothing");
}

#[test]
fn the_other_commands_work_on_it_too() {
    let ferry = Ferry::example("quickstart");
    let plan = ferry.run(&["plan"]).expect(0);
    for part in [
        "vnet_peering.hub_runtime",
        "dns_link.runtime_zone",
        "database_batch.wave1",
        "Plan: ",
    ] {
        assert!(plan.out.contains(part), "{part} is missing:\n{}", plan.out);
    }
    assert!(plan.out.lines().all(|line| line.chars().count() <= 100), "{}", plan.out);
    let _ = ferry.apply();
    let status = ferry.run(&["status"]).expect(0);
    for part in ["wave1m1", "wave1m2", "wave1m3", "Succeeded"] {
        assert!(status.out.contains(part), "{part} is missing:\n{}", status.out);
    }
    let output = ferry.run(&["output", "-json"]).expect(0);
    let values: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    assert!(
        values.to_string().contains("pg-erp-prod.postgres.database.azure.com"),
        "{values}"
    );
    assert!(ferry.run(&["show"]).expect(0).out.contains("database_batch.wave1#3"));
    let _ = ferry.run(&["validate"]).expect(0);
    assert!(
        ferry
            .run(&["version"])
            .expect(0)
            .out
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn what_is_there_already_is_adopted_and_outlives_us() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    std::fs::remove_dir_all(ferry.path(".pgferry/simulator/state")).unwrap();
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("to adopt"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let writes = ferry.writes().len();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(
        ferry.writes().len(),
        writes,
        "what was adopted is forgotten, not deleted"
    );
}

/// What is approved is the same on every machine: the tour in the README shows the fingerprint that everybody sees.
#[test]
fn the_tour_shows_the_plan_that_everybody_sees() {
    let ferry = Ferry::example("quickstart");
    let planned = ferry.run(&["plan"]).expect(0).out;
    let fingerprint = planned.lines().find(|line| line.starts_with("Fingerprint: ")).unwrap();
    let tour = include_str!("../../README.md");
    assert!(tour.contains(fingerprint), "{fingerprint}");
    let batch = planned.split("  + database_batch.wave1\n").nth(1).unwrap();
    let (fields, _) = batch.split_once("      after  ").unwrap();
    assert!(tour.contains(fields), "{fields}");
}
