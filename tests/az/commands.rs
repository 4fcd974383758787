//! What the CLI's commands about migrations do to the simulator, and what pgferry sees of it.

use serde_json::{Value as Json, json};

use crate::cli::{Az, migration};
use crate::support::Ferry;

const GROUP: &str = "rg-tutorial";
const SERVER: &str = "pg-tutorial";

/// The tutorial, in a cloud where hours of simulated time leave tokens as they are: the CLI goes by its own clock.
fn tutorial() -> Ferry {
    let ferry = Ferry::example("tutorial-online");
    ferry.world(|world| world["options"] = json!({ "token_life": "240h" }));
    ferry
}

fn properties(ferry: &Ferry) -> String {
    ferry.path("migration.json").display().to_string()
}

fn state(migration: &Json) -> (&str, &str) {
    let status = &migration["currentStatus"];
    let substate = &status["currentSubStateDetails"]["currentSubState"];
    (
        status["state"].as_str().unwrap_or_default(),
        substate.as_str().unwrap_or_default(),
    )
}

fn cut_over(az: &Az, made: &Json) {
    let url = format!("{}?api-version=2026-04-01-preview", made["id"].as_str().unwrap());
    let body = r#"{"properties":{"triggerCutover":"True"}}"#;
    let _ = az.run(&["rest", "--method", "patch", "--url", &url, "--body", body]);
}

#[test]
fn every_command_works_and_pgferry_sees_what_it_did() {
    let ferry = tutorial();
    let az = Az::of(&ferry);
    let call = |verb: &str, more: &[&str]| az.migration(verb, GROUP, SERVER, more);
    assert_eq!(
        call("check-name-availability", &["-n", "byhand"])["nameAvailable"],
        true
    );
    let given = properties(&ferry);
    let made = call("create", &["-n", "byhand", "--migration-mode", "online", "-b", &given]);
    assert_eq!(state(&made), ("InProgress", ""), "{made:#}");
    let taken = call("check-name-availability", &["-n", "byhand"]);
    assert_eq!(
        (&taken["nameAvailable"], &taken["reason"]),
        (&json!(false), &json!("AlreadyExists"))
    );
    // Another one has to wait for the end of this one.
    let busy = az.fails(&[&migration("create", GROUP, SERVER)[..], &["-n", "second", "-b", &given]].concat());
    assert!(busy.contains("ActiveMigrationExists"), "{busy}");
    let listed = |filter: &str| -> Vec<String> {
        let list = call("list", &["--filter", filter]);
        let names = list.as_array().unwrap().iter();
        names.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed("Active"), ["byhand"]);
    let status = ferry.run(&["status"]).expect(0).out;
    assert!(status.contains("byhand  ValidationInProgress"), "{status}");
    let _ = ferry.run(&["simulator", "advance", "1h"]).expect(0);
    let shown = call("show", &["-n", "byhand"]);
    assert_eq!(state(&shown), ("WaitingForUserAction", "WaitingForCutoverTrigger"));
    let plan = ferry.run(&["plan"]).expect(0).out;
    assert!(plan.contains("made by hand, and taken over as it is"), "{plan}");
    // The day this passes, the cutover can go through the command.
    let cutover = [&migration("update", GROUP, SERVER)[..], &["-n", "byhand", "--cutover"]].concat();
    let broken = az.fails(&cutover);
    assert!(broken.contains("dbs_to_trigger_cutover_migration_on"), "{broken}");
    cut_over(&az, &made);
    let _ = ferry.run(&["simulator", "advance", "1h"]).expect(0);
    assert_eq!(state(&call("show", &["-n", "byhand"])), ("Succeeded", "Completed"));
    assert!(listed("Active").is_empty());
    assert_eq!(listed("All"), ["byhand"]);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 1, "what has arrived is not moved again");
}

#[test]
fn what_the_cli_cancels_is_cancelled_for_pgferry() {
    let ferry = tutorial();
    let az = Az::of(&ferry);
    let call = |verb: &str, more: &[&str]| az.migration(verb, GROUP, SERVER, more);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let cancelled = call("update", &["-n", "tutorialm1", "--cancel"]);
    assert_eq!(cancelled["cancel"], "True", "{cancelled:#}");
    let _ = ferry.run(&["simulator", "advance", "1h"]).expect(0);
    assert_eq!(state(&call("show", &["-n", "tutorialm1"])).0, "Canceled");
    let plan = ferry.run(&["plan"]).expect(0).all();
    assert!(plan.contains("database_batch.tutorial#1 was cancelled"), "{plan}");
}

#[test]
fn the_cli_answers_the_question_for_logical_replication() {
    let ferry = tutorial();
    ferry.world(|world| {
        let fault = json!({ "kind": "migration", "how": { "what": "waits", "on": "logical_replication" } });
        world["faults"] = json!([{ "method": "PUT", "path": "*/migrations/*", "fault": fault }]);
    });
    let az = Az::of(&ferry);
    let call = |verb: &str, more: &[&str]| az.migration(verb, GROUP, SERVER, more);
    let given = properties(&ferry);
    let how = ["--migration-mode", "online", "--migration-option", "Migrate"];
    let _ = call("create", &[&["-n", "byhand", "-b", &given], &how[..]].concat());
    let _ = ferry.run(&["simulator", "advance", "10m"]).expect(0);
    let asks = "WaitingForLogicalReplicationSetupRequestOnSourceDB";
    let shown = call("show", &["-n", "byhand"]);
    assert_eq!(state(&shown), ("WaitingForUserAction", asks), "{shown:#}");
    let status = ferry.run(&["status"]).expect(0).out;
    assert!(status.contains("WaitingForLogicalReplicationSetup"), "{status}");
    let _ = call("update", &["-n", "byhand", "--setup-replication"]);
    let _ = ferry.run(&["simulator", "advance", "1h"]).expect(0);
    let shown = call("show", &["-n", "byhand"]);
    assert_eq!(state(&shown).1, "WaitingForCutoverTrigger", "{shown:#}");
}

#[test]
fn what_the_cli_began_pgferry_brings_to_its_end() {
    let ferry = tutorial();
    let az = Az::of(&ferry);
    let given = properties(&ferry);
    let _ = az.migration("create", GROUP, SERVER, &["--migration-mode", "online", "-b", &given]);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let _ = ferry
        .run(&["cutover", "database_batch.tutorial#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let all = az.migration("list", GROUP, SERVER, &["--filter", "All"]);
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(state(&all[0]), ("Succeeded", "Completed"));
    let shown = ferry.run(&["show"]).expect(0).out;
    assert!(shown.contains("database_batch.tutorial#1  adopted"), "{shown}");
}
