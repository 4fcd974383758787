//! Migrations that were made in the portal or by another tool: taken up, watched, cut over and remembered.

use std::fs;

use serde_json::{Value as Json, json};

use crate::support::Ferry;

const TARGET: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-tutorial/providers/\
                      Microsoft.DBforPostgreSQL/flexibleServers/pg-tutorial";

/// The tutorial's project, its cloud awake and nothing in it yet.
fn tutorial() -> Ferry {
    let ferry = Ferry::example("tutorial-online");
    ferry.wake_simulator();
    ferry
}

/// Somebody makes a migration of these databases.
fn by_hand(ferry: &Ferry, name: &str, databases: &[&str]) {
    let secrets = json!({
        "adminCredentials": { "sourceServerPassword": "x", "targetServerPassword": "y" },
        "sourceServerUsername": "migrator",
        "targetServerUsername": "pgadmin",
    });
    let body = json!({ "location": "westeurope", "properties": {
        "sourceDbServerResourceId": "203.0.113.25:5432@migrator",
        "sourceType": "AzureVM",
        "migrationMode": "online",
        "overwriteDbsInTarget": "True",
        "dbsToMigrate": databases,
        "secretParameters": secrets,
    } });
    let _ = ferry.arm("PUT", &path(name), body);
}

fn path(name: &str) -> String {
    format!("{TARGET}/migrations/{name}?api-version=2025-08-01")
}

fn status(ferry: &Ferry) -> Json {
    let answer = ferry.run(&["status", "--json"]).expect(0);
    serde_json::from_str(&answer.out).unwrap()
}

#[test]
fn what_was_made_by_hand_is_watched_cut_over_and_remembered() {
    let ferry = tutorial();
    by_hand(&ferry, "portal-1", &["ticketdb", "timedb", "salesdb", "postgres"]);
    let plan = ferry.run(&["plan"]).expect(0).out;
    let said = "made by hand, and taken over as it is";
    assert!(plan.contains("portal-1") && plan.contains(said), "{plan}");
    assert!(plan.contains("1 to advance"), "{plan}");
    let waiting = ferry.run(&["apply", "--auto-approve"]).expect(4).all();
    assert!(
        waiting.contains("pgferry cutover 'database_batch.tutorial#1'"),
        "{waiting}"
    );
    let _ = ferry
        .run(&["cutover", "database_batch.tutorial#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created(), [path("portal-1")], "it made none of its own");
    let shown = ferry.run(&["show"]).expect(0).out;
    assert!(shown.contains("database_batch.tutorial#1  adopted"), "{shown}");
    // Whoever loses the state finds it again, although it carries no tags.
    fs::remove_dir_all(ferry.path(".pgferry/simulator/state")).unwrap();
    let rebuilt = ferry.run(&["state", "rebuild", "--auto-approve"]).expect(0).out;
    assert!(rebuilt.contains("migration portal-1"), "{rebuilt}");
    ferry.expect_no_changes();
}

#[test]
fn what_moves_more_than_a_batch_is_taken_over_on_request() {
    let ferry = tutorial();
    ferry.edit(
        "\"ticketdb\", \"timedb\", \"salesdb\", \"postgres\"",
        "\"ticketdb\", \"timedb\"",
    );
    by_hand(&ferry, "portal-1", &["ticketdb", "timedb", "salesdb"]);
    let refused = ferry.run(&["plan"]).expect(1).all();
    let id = format!("{TARGET}/migrations/portal-1");
    assert!(refused.contains("error[C144]"), "{refused}");
    assert!(refused.contains("an `import` block with its id"), "{refused}");
    ferry.append(&format!(
        "import {{\n  to = database_batch.tutorial\n  id = \"{id}\"\n}}\n"
    ));
    let before = status(&ferry);
    assert_eq!(before["migrations"][0]["name"], "portal-1", "{before:#}");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let _ = ferry
        .run(&["cutover", "database_batch.tutorial#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let shown = ferry.run(&["show"]).expect(0).out;
    assert!(shown.contains("database_batch.tutorial#1  imported"), "{shown}");
}

#[test]
fn what_somebody_tries_again_by_hand_is_the_next_attempt_and_never_moves_twice() {
    let ferry = tutorial();
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let _ = ferry
        .run(&[
            "cancel",
            "database_batch.tutorial#1",
            "--accept-loss",
            "database_batch.tutorial#1",
        ])
        .expect(0);
    by_hand(&ferry, "portal-2", &["ticketdb", "timedb", "salesdb", "postgres"]);
    let before = status(&ferry);
    let shown = &before["migrations"][0];
    assert_eq!(
        (&shown["name"], &shown["earlier_attempts"]),
        (&json!("portal-2"), &json!(1)),
        "{before:#}"
    );
    let retried = ferry.run(&["apply", "--retry", "database_batch.tutorial", "--auto-approve"]);
    let retried = retried.expect(4).all();
    assert!(!retried.contains("tutorialm1r1"), "{retried}");
    let _ = ferry
        .run(&["cutover", "database_batch.tutorial#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created(), [path("tutorialm1"), path("portal-2")]);
}
