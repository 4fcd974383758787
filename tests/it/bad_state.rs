//! What may become of a state between two commands, or under one: its disk full, read-only or somebody else's, its files cut
//! short or changed, its blob deleted, its lease stolen. Whatever it is, the message says what is whole and what to do, what it
//! says leads out, and no migration is made twice.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;

use crate::support::backend::{Backend, blob_block, remove_blob, script, steal_lease};
use crate::support::{Answer, Ferry, is_root, may_mount, until};

const STATE: &str = ".pgferry/simulator/state";

fn flowing(answer: &Answer) -> String {
    answer.all().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn expect_said(answer: &Answer, parts: &[&str]) {
    let said = flowing(answer);
    for part in parts {
        assert!(said.contains(part), "`{part}` is missing: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

fn nothing_tested() {
    let why = "nothing was tested: no file system may be mounted here, not even in a namespace of one's own\n";
    std::io::stdout().write_all(why.as_bytes()).unwrap();
}

/// The quickstart, carried out once and with more to do since.
fn with_more_to_do() -> Ferry {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    ferry.append("dns_zone \"more\" {\n  name = \"more.example.net\"\n}\n");
    ferry
}

#[test]
fn a_database_that_is_damaged_is_put_back_from_the_copy_that_is_named() {
    type Harm = fn(&mut Vec<u8>);
    // The file is longer than what is in it.
    let cut: Harm = |bytes| {
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes.truncate(used / 2);
    };
    let flip: Harm = |bytes| bytes.iter_mut().step_by(61).for_each(|byte| *byte ^= 0x10);
    for harm in [cut, flip] {
        let ferry = with_more_to_do();
        let file = ferry.path(STATE).join("sled/db");
        let mut bytes = fs::read(&file).unwrap();
        harm(&mut bytes);
        fs::write(&file, bytes).unwrap();
        let writes = ferry.writes();
        let refused = ferry.run(&["apply", "--auto-approve"]).expect(1);
        expect_said(
            &refused,
            &[
                "is damaged",
                "view.json is whole, with 14 records at serial",
                "nothing was changed, here or in Azure",
                "move the directory away, and `pgferry state push FILE`",
                "`pgferry state rebuild`",
            ],
        );
        assert_eq!(ferry.writes(), writes);
        fs::rename(ferry.path(STATE), ferry.path("damaged")).unwrap();
        let _ = ferry
            .run(&["state", "push", "--auto-approve", "damaged/view.json"])
            .expect(0);
        let said = ferry.run(&["plan"]).expect(0);
        expect_said(&said, &["Plan: 1 to add, 0 to change, 0 to destroy."]);
    }
}

#[test]
fn a_view_with_large_documents_beside_it_is_put_back_too() {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| world["clock"] = "manual".into());
    // The plan of the run that stays open is large.
    for number in 0..60 {
        ferry.append(&format!(
            "dns_zone \"z{number}\" {{\n  name = \"zone-{number}.example.net\"\n  tags = {{ note = \"{}\" }}\n}}\n",
            "x".repeat(250)
        ));
    }
    ferry.wake_simulator();
    let mut first = ferry.start(&["apply", "--auto-approve", "--wait", "none"]);
    until("the apply writes", || !ferry.writes().is_empty() || first.has_ended());
    first.signal("INT");
    let _ = first.finish(Duration::from_secs(20)).expect(3);
    let large = fs::read_dir(ferry.path(STATE).join("large")).unwrap().count();
    assert!(large > 0, "nothing of it is large");
    let pulled = ferry.run(&["state", "pull"]).expect(0).out;
    fs::rename(ferry.path(STATE), ferry.path("kept")).unwrap();
    let _ = ferry
        .run(&["state", "push", "--auto-approve", "kept/view.json"])
        .expect(0);
    let [before, after] = [pulled, ferry.run(&["state", "pull"]).expect(0).out].map(|text| {
        let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
        // A push is told in the history, and counts as a commit.
        for own in ["serial", "history", "finished_runs"] {
            state.as_object_mut().unwrap().remove(own);
        }
        state["records"] = state["records"].as_object().unwrap().keys().cloned().collect();
        state
    });
    assert_eq!(before, after);
    // Without what is beside it, it is no state.
    fs::remove_dir_all(ferry.path("kept/large")).unwrap();
    let refused = ferry
        .run(&["state", "push", "--auto-approve", "--force", "kept/view.json"])
        .expect(1);
    expect_said(
        &refused,
        &[
            "cannot take a state from `kept/view.json`",
            "a large document is missing",
        ],
    );
}

#[test]
fn parts_of_two_states_are_not_taken_for_one() {
    let (ferry, other) = (with_more_to_do(), with_more_to_do());
    let database = ferry.path(STATE).join("sled");
    fs::rename(&database, ferry.path("own")).unwrap();
    fs::rename(other.path(STATE).join("sled"), &database).unwrap();
    let writes = ferry.writes();
    let refused = ferry.run(&["apply", "--auto-approve"]).expect(1);
    expect_said(
        &refused,
        &[
            "the state has lineage",
            "two states were mixed up",
            "put back what belongs together",
        ],
    );
    assert_eq!(ferry.writes(), writes);
    fs::remove_dir_all(&database).unwrap();
    fs::rename(ferry.path("own"), &database).unwrap();
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn a_lock_of_a_newer_format_is_neither_shown_nor_broken() {
    let ferry = with_more_to_do();
    let format = ferry.path(STATE).join("format");
    fs::write(&format, "pgferry-state 2\n").unwrap();
    for command in [
        &["lock", "show"][..],
        &["lock", "break", "--holder", "somebody", "--auto-approve"],
        &["force-unlock", "somebody", "--force"],
    ] {
        let refused = ferry.run(command).expect(1);
        expect_said(
            &refused,
            &["the state has format 2", "a later pgferry wrote it: use that version"],
        );
    }
}

/// Wherever the disk is full, from the first file of the state to its last commit: nothing that was recorded is lost, and once
/// there is room the next apply goes on.
#[test]
fn a_disk_that_is_full_costs_an_apply_and_nothing_else() {
    if !may_mount() {
        return nothing_tested();
    }
    let mut full = 0;
    for kib in [4, 16, 64, 256, 520, 560, 600, 700] {
        let ferry = Ferry::example("quickstart");
        ferry.wake_simulator();
        fs::create_dir_all(ferry.path(STATE)).unwrap();
        let script = format!(
            "mount -t tmpfs -o mode=700,size=64m tmpfs {STATE}\n\
             head -c $(( (65536 - {kib}) * 1024 )) /dev/zero > {STATE}/filler\n\
             code=0; \"$PGFERRY\" apply --auto-approve || code=$?\n\
             echo \"first: $code\"\n\
             rm {STATE}/filler\n\
             code=0; \"$PGFERRY\" apply --auto-approve || code=$?\n\
             echo \"second: $code\"\n\
             code=0; \"$PGFERRY\" plan --detailed-exitcode || code=$?\n\
             echo \"third: $code\"\n"
        );
        let answer = ferry.in_a_namespace(&script);
        expect_said(&answer, &["second: 0", "third: 0"]);
        if flowing(&answer).contains("first: 1") {
            full += 1;
            expect_said(
                &answer,
                &[
                    "No space left on device",
                    "what was committed stands",
                    "make room on that disk, then run the same command again",
                ],
            );
        } else {
            expect_said(&answer, &["first: 0"]);
        }
        assert_eq!(ferry.created().len(), 3, "{kib} KiB: {:#?}", ferry.created());
    }
    assert!(full >= 3, "only {full} of the disks were full");
}

#[test]
fn a_state_on_a_disk_that_is_read_only_is_read_and_not_written() {
    if !may_mount() {
        return nothing_tested();
    }
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    fs::create_dir_all(ferry.path(STATE)).unwrap();
    let answer = ferry.in_a_namespace(&format!(
        "mount -t tmpfs -o mode=700 tmpfs {STATE}\n\
         \"$PGFERRY\" apply --auto-approve >/dev/null\n\
         mount -o remount,bind,ro {STATE}\n\
         for command in plan status 'state list' history; do\n\
           code=0; \"$PGFERRY\" $command >/dev/null || code=$?; echo \"$command: $code\"\n\
         done\n\
         code=0; \"$PGFERRY\" destroy --auto-approve 2>&1 || code=$?; echo \"destroy: $code\"\n\
         mount -o remount,bind,rw {STATE}\n\
         code=0; \"$PGFERRY\" plan --detailed-exitcode >/dev/null || code=$?; echo \"after: $code\"\n"
    ));
    expect_said(
        &answer,
        &[
            "plan: 0",
            "status: 0",
            "state list: 0",
            "history: 0",
            "destroy: 1",
            "Read-only file system",
            "once the disk is mounted for writing",
            "what was committed stands",
            "after: 0",
        ],
    );
    assert!(!ferry.writes().iter().any(|write| write.starts_with("DELETE")));
}

#[test]
fn a_state_of_another_user_is_told_and_left_alone() {
    let ferry = with_more_to_do();
    let state = ferry.path(STATE);
    let writes = ferry.writes();
    // Root may give it away, and is then treated as everybody else; a user can but lock itself out.
    let is_root = is_root();
    if is_root {
        std::os::unix::fs::chown(&state, Some(65534), Some(65534)).unwrap();
    }
    let mode = if is_root { 0o700 } else { 0o000 };
    fs::set_permissions(&state, fs::Permissions::from_mode(mode)).unwrap();
    for arguments in [&["plan"][..], &["apply", "--auto-approve"], &["state", "pull"]] {
        let refused = ferry.run_as_anybody(arguments).expect(1);
        expect_said(
            &refused,
            &[
                "Permission denied",
                "run as that user, or give this one its directory",
                "what was committed stands",
            ],
        );
    }
    assert_eq!(ferry.writes(), writes);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root {
        std::os::unix::fs::chown(&state, Some(0), Some(0)).unwrap();
    }
    let said = ferry.run(&["plan"]).expect(0);
    expect_said(&said, &["Plan: 1 to add, 0 to change, 0 to destroy."]);
}

/// A project whose Azure never comes to the end of anything, with an apply at work in it.
fn at_work(name: &str, backend: Backend) -> (Ferry, crate::support::Running) {
    let mut ferry = Ferry::example("quickstart");
    backend.keep(&mut ferry, name);
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    let mut first = ferry.start(&["apply", "--auto-approve"]);
    until("the apply writes", || !ferry.writes().is_empty() || first.has_ended());
    (ferry, first)
}

fn go_on(ferry: &Ferry) {
    ferry.control(reqwest::Method::POST, "clock", Some(json!({ "mode": "event" })));
}

#[test]
fn a_blob_that_is_deleted_under_an_apply_is_missed_and_the_state_made_anew_elsewhere() {
    let (ferry, first) = at_work("deleted", Backend::AzureBlob);
    remove_blob("deleted");
    go_on(&ferry);
    let refused = first.finish(Duration::from_secs(60)).expect(1);
    expect_said(
        &refused,
        &[
            "is damaged: the log is gone",
            "what this run began in Azure goes on",
            "from soft delete or its versions",
        ],
    );
    let refused = ferry.run(&["apply", "--auto-approve"]).expect(1);
    expect_said(
        &refused,
        &[
            "is damaged: the log is gone; no whole copy is left beside it",
            "nothing was changed, here or in Azure",
            "from soft delete or its versions",
            "give the `state` block another `key` or `name`, and `pgferry state rebuild`",
        ],
    );
    ferry.write("state.hcl", &blob_block("deleted", "anew"));
    let _ = ferry.run(&["state", "rebuild", "--auto-approve"]).expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}

#[test]
fn rows_that_are_deleted_under_an_apply_are_missed_and_the_state_made_anew_elsewhere() {
    let (ferry, first) = at_work("rows-deleted", Backend::Postgres);
    script(None, "DELETE FROM pgferry.state WHERE name = 'rows-deleted.simulator'");
    go_on(&ferry);
    let refused = first.finish(Duration::from_secs(60)).expect(1);
    expect_said(&refused, &["no longer holds the lock"]);
    // Nothing tells that there was a state, but what carries its tags: that is watched and not made twice.
    let block = fs::read_to_string(ferry.path("state.hcl")).unwrap();
    ferry.write("state.hcl", &block.replace("rows-deleted", "rows-anew"));
    let _ = ferry.run(&["state", "rebuild", "--auto-approve"]);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}

/// A portal, a script or another tool may break a lease and take one without end.
#[test]
fn a_lease_that_somebody_steals_ends_the_run_and_is_taken_back_by_hand() {
    let (ferry, first) = at_work("stolen", Backend::AzureBlob);
    steal_lease("stolen");
    go_on(&ferry);
    let refused = first.finish(Duration::from_secs(60)).expect(1);
    expect_said(
        &refused,
        &[
            "no longer holds the lock of the state, which was taken from it",
            "what was committed before stands",
            "run `pgferry apply` again when the other one is done",
        ],
    );
    let writes = ferry.writes();
    let locked = ferry.run(&["apply", "--auto-approve"]).expect(1);
    expect_said(
        &locked,
        &["somebody else is writing to the state", "`pgferry lock show`"],
    );
    assert_eq!(ferry.writes(), writes);
    let shown = ferry.run(&["lock", "show", "--json"]).expect(0).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["lock"]["lapsed"], json!(false), "{shown}");
    let holder = shown["lock"]["holder"].as_str().unwrap();
    let _ = ferry
        .run(&["lock", "break", "--holder", holder, "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}
