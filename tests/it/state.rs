//! State that a team shares: in a container and in a database, brought there and moved on without loss.

use std::time::Duration;

use pgferry_state::testing::azurite::Azurite;

use crate::support::backend::{blob_block, container, database_block};
use crate::support::{Ferry, until};

#[test]
fn a_project_lives_in_a_container_and_leaves_no_state_on_the_machine() {
    let mut ferry = Ferry::example("quickstart");
    let block = container("whole-life", &mut ferry);
    ferry.write("state.hcl", &block);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let shown = ferry.run(&["show"]).expect(0);
    assert!(shown.out.contains("database_batch.wave1#3"), "{}", shown.out);
    let history = ferry.run(&["history"]).expect(0);
    assert!(history.out.contains("succeeded"), "{}", history.out);
    assert!(!ferry.path(".pgferry/simulator/state").exists());
    assert!(!ferry.path(".pgferry/state").exists());
    let signature = Azurite::sas();
    let signature = signature.rsplit("sig=").next().unwrap();
    for (path, bytes) in ferry.files() {
        assert!(
            !String::from_utf8_lossy(&bytes).contains(signature),
            "{}",
            path.display()
        );
    }
    let _ = ferry.run(&["simulator", "reset"]).expect(0);
    let shown = ferry.run(&["show"]).expect(0);
    assert!(!shown.out.contains("database_batch"), "{}", shown.out);
}

#[test]
fn state_moves_from_the_machine_to_a_container_to_a_database_and_back_without_loss() {
    let mut ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    // The first line says where the state is kept, as far as it is real.
    let said = |ferry: &Ferry, command: &str| {
        let out = ferry.run(&[command]).expect(0).out;
        let (banner, rest) = out.split_once('\n').unwrap();
        assert!(banner.starts_with("SIMULATED"), "{banner}");
        rest.to_owned()
    };
    let (shown, told) = (said(&ferry, "show"), said(&ferry, "history"));
    let writes = ferry.writes().len();

    let block = container("journey", &mut ferry);
    ferry.write("state.hcl", &block);
    let refused = ferry.run(&["plan"]).expect(1).all();
    assert!(
        refused.contains("not where the configuration says") && refused.contains("pgferry init"),
        "{refused}"
    );
    let moved = ferry.run(&["init"]).expect(0).out;
    assert!(moved.contains("was read back"), "{moved}");
    let same = |ferry: &Ferry| {
        assert_eq!(said(ferry, "show"), shown);
        assert_eq!(said(ferry, "history"), told);
        ferry.expect_no_changes();
    };
    same(&ferry);
    let again = ferry.run(&["init"]).expect(0).out;
    assert!(again.contains("already"), "{again}");

    // The block that was there before lives on in a checkout.
    let before = tempfile::tempdir().unwrap();
    let keep = |ferry: &Ferry| {
        for name in ["main.hcl", "state.hcl", "world.json"] {
            std::fs::copy(ferry.path(name), before.path().join(name)).unwrap();
        }
    };
    keep(&ferry);
    let block = database_block("journey", &mut ferry);
    ferry.write("state.hcl", &block);
    let from = before.path().to_str().unwrap();
    let moved = ferry.run(&["init", "--from", from]).expect(0).out;
    assert!(
        moved.contains("was read back") && moved.contains("state pgferry/journey"),
        "{moved}"
    );
    same(&ferry);

    keep(&ferry);
    std::fs::remove_file(ferry.path("state.hcl")).unwrap();
    std::fs::remove_dir_all(ferry.path(".pgferry/simulator/state")).unwrap();
    let _ = ferry.run(&["init", "--from", from]).expect(0);
    same(&ferry);
    assert_eq!(ferry.writes().len(), writes, "moving a state writes nothing to Azure");
}

#[test]
fn a_state_of_another_lineage_is_not_overwritten() {
    let mut first = Ferry::example("quickstart");
    let block = container("taken", &mut first);
    first.write("state.hcl", &block);
    let _ = first.apply();
    let shown = first.run(&["show"]).expect(0).out;

    let mut second = Ferry::example("quickstart");
    let _ = second.apply();
    second.give("PGFERRY_VAR_state_sas", &Azurite::sas());
    second.write("state.hcl", &block);
    let refused = second.run(&["init"]).expect(1).all();
    assert!(refused.contains("another state is there already"), "{refused}");
    assert!(refused.contains("lineage"), "{refused}");
    assert_eq!(first.run(&["show"]).expect(0).out, shown);
    // One with a place of its own is taken in.
    second.write("state.hcl", &blob_block("taken", "second"));
    let _ = second.run(&["init"]).expect(0);
    second.expect_no_changes();
}

#[test]
fn what_is_wrong_with_a_state_block_is_told_with_its_place() {
    let mut ferry = Ferry::example("quickstart");
    let refused = |ferry: &Ferry, block: &str, parts: &[&str]| {
        ferry.write("state.hcl", block);
        let said = ferry.run(&["plan"]).expect(1).all();
        for part in parts {
            assert!(said.contains(part), "{part} is missing:\n{said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    };
    let block = |backend: &str, body: &str| format!("pgferry {{\n  state \"{backend}\" {{\n{body}\n  }}\n}}\n");
    refused(
        &ferry,
        &block("azure-blob", ""),
        &["unknown state backend", "azure_blob"],
    );
    refused(
        &ferry,
        &block("local", "    key = \"x\""),
        &["no argument of this name"],
    );
    refused(
        &ferry,
        &block("azure_blob", ""),
        &["`storage_account` must be given here"],
    );
    let nearly = "    storage_account = \"contoso\"\n    container = \"States\"\n    key = \"prod\"";
    refused(&ferry, &block("azure_blob", nearly), &["State"]);
    let literal =
        "    storage_account = \"contoso\"\n    container = \"states\"\n    key = \"prod\"\n    sas = \"written\"";
    refused(
        &ferry,
        &block("azure_blob", literal),
        &["may not stand in a file that is shared"],
    );
    refused(
        &ferry,
        &block("postgres", "    host = \"db\""),
        &["`name` must be given here", "`user` must be given here"],
    );
    let block = database_block("x", &mut ferry);
    refused(&ferry, &block.replace("\"disable\"", "\"perhaps\""), &["no", "sslmode"]);
    let unset = blob_block("states", "prod");
    refused(&ferry, &unset, &["`sas` of the `state` block has no value"]);
    ferry.give("PGFERRY_VAR_state_sas", "sv=2021-12-02&sig=s3cret");
    refused(
        &ferry,
        &unset,
        &["cannot read the state in", "403", "what was committed stands"],
    );
}

#[test]
fn two_applies_in_one_container_do_not_meet() {
    let mut ferry = Ferry::example("quickstart");
    let block = container("two-at-once", &mut ferry);
    ferry.write("state.hcl", &block);
    // With a clock that stands still the first one stays in the middle of a creation.
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    let mut first = ferry.start(&["apply", "--auto-approve"]);
    until("the first apply writes", || {
        !ferry.writes().is_empty() || first.has_ended()
    });
    let refused = ferry.run(&["apply", "--auto-approve"]).expect(1).all();
    assert!(
        refused.contains("somebody else is writing") && refused.contains("pgferry apply"),
        "{refused}"
    );
    first.signal("INT");
    let _ = first.finish(Duration::from_secs(20)).expect(3);
    let history = ferry.run(&["show"]).expect(0);
    assert!(history.out.contains("serial"), "{}", history.out);
}
