//! A state that a later pgferry wrote: whatever needs it says so, and changes nothing.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::support::Ferry;

const UNIT: &str = "vnet_peering.hub_runtime#forward";
const MIGRATION: &str = "database_batch.wave1#1";

/// Every command that reads or writes what is remembered.
const COMMANDS: [&[&str]; 24] = [
    &["plan"],
    &["plan", "--destroy"],
    &["plan", "--json"],
    &["graph"],
    &["snapshot"],
    &["drift"],
    &["apply", "--auto-approve"],
    &["apply", "--auto-approve", "kept.plan"],
    &["destroy", "--auto-approve"],
    &["wait"],
    &["status"],
    &["cutover", MIGRATION, "--auto-approve"],
    &["cancel", MIGRATION, "--accept-loss", MIGRATION],
    &["show"],
    &["output"],
    &["history"],
    &["init"],
    &["state", "list"],
    &["state", "show", UNIT],
    &["state", "mv", UNIT, "vnet_peering.other#forward"],
    &["state", "rm", UNIT],
    &["state", "pull"],
    &["state", "push", "pulled.json", "--force"],
    &["state", "rebuild"],
];

/// What is stored. Who holds the lock is no part of it.
fn stored(ferry: &Ferry) -> Vec<(PathBuf, Vec<u8>)> {
    let state = ferry.path(".pgferry/simulator/state");
    let mut files = ferry.files();
    files.retain(|(path, _)| path.starts_with(&state) && !path.ends_with("lock"));
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files
}

fn applied() -> Ferry {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "kept.plan"]).expect(0);
    let _ = ferry.apply();
    let pulled = ferry.run(&["state", "pull"]).expect(0).out;
    ferry.write("pulled.json", &pulled);
    ferry
}

/// Insists that all of these say what is wrong and what helps, and leave everything as it is.
fn expect_refused(ferry: &Ferry, commands: &[&[&str]], wrong: &str) {
    let (files, writes) = (stored(ferry), ferry.writes());
    for command in commands {
        let refused = ferry.run(command).expect(1);
        let said = refused.all().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(wrong), "{command:?}: {said}");
        assert!(
            said.contains("a later pgferry wrote it: use that version"),
            "{command:?}: {said}"
        );
        assert_eq!(said.matches("error:").count(), 1, "{command:?}: {said}");
        assert_eq!(stored(ferry), files, "{command:?}");
    }
    assert_eq!(ferry.writes(), writes);
}

#[test]
fn a_state_of_a_newer_format_is_refused_by_whatever_needs_it() {
    let ferry = applied();
    let format = ferry.path(".pgferry/simulator/state/format");
    assert_eq!(fs::read_to_string(&format).unwrap(), "pgferry-state 1\n");
    fs::write(&format, "pgferry-state 2\n").unwrap();
    let wrong = "the state has format 2, and this pgferry knows formats up to 1";
    expect_refused(&ferry, &COMMANDS, wrong);
    fs::write(&format, "pgferry-state 1\n").unwrap();
    ferry.expect_no_changes();
}

#[test]
fn a_document_of_a_newer_format_is_not_taken_for_a_state() {
    let ferry = applied();
    let pulled = fs::read(ferry.path("pulled.json")).unwrap();
    let mut pulled: Json = serde_json::from_slice(&pulled).unwrap();
    assert_eq!(pulled["format"], json!(1));
    pulled["format"] = json!(2);
    ferry.write("pulled.json", &pulled.to_string());
    let files = stored(&ferry);
    let refused = ferry.run(&["state", "push", "pulled.json", "--force"]).expect(1);
    let said = refused.all().split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong =
        "cannot take a state from `pulled.json`: the export has format 2, and this pgferry knows formats up to 1";
    assert!(said.contains(wrong), "{said}");
    assert_eq!(stored(&ferry), files);
    ferry.expect_no_changes();
}
