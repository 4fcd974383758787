//! A state that is encrypted, wherever it is kept: nobody reads it without the key, and nothing is lost on the way there, to
//! another key and back.

use crate::support::backend::Backend;
use crate::support::{Ferry, side_by_side};

const PASSPHRASE: &str = "correct ferry battery harbour";
const LATER: &str = "another tide another rope";

/// Words of records, plan, journal and history. Nothing of the state's own form holds them.
const READABLE: [&str; 4] = [
    "virtualNetworkPeerings",
    "Microsoft.DBforPostgreSQL",
    "ticketdb",
    "units done",
];

/// Encrypts the project's state with these arguments, each the name of a variable too.
fn encrypt(ferry: &mut Ferry, given: &[(&str, &str)]) {
    let mut text = String::new();
    for (argument, secret) in given {
        text.push_str(&format!(
            "variable \"{argument}\" {{\n  type      = string\n  sensitive = true\n}}\n"
        ));
        ferry.give(&format!("PGFERRY_VAR_{argument}"), secret);
    }
    let arguments: String = given
        .iter()
        .map(|(argument, _)| format!("    {argument} = var.{argument}\n"))
        .collect();
    ferry.write("encryption.hcl", &text);
    let state = std::fs::read_to_string(ferry.path("state.hcl")).unwrap_or_default();
    // There is one `pgferry` block.
    let before = match state.split_once("\n  encryption {") {
        Some((before, _)) => before,
        None => state.trim_end().strip_suffix('}').unwrap_or("pgferry {").trim_end(),
    };
    ferry.write(
        "state.hcl",
        &format!("{before}\n  encryption {{\n{arguments}  }}\n}}\n"),
    );
}

/// Everything that the state consists of, as bytes.
fn stored(ferry: &Ferry, backend: Backend, name: &str) -> Vec<u8> {
    let mut bytes = backend.stored(name);
    for (path, found) in ferry.files() {
        if path.starts_with(ferry.path(".pgferry/simulator/state")) {
            bytes.extend(found);
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn nobody_reads_an_encrypted_state_wherever_it_is_kept() {
    for backend in Backend::ALL {
        let mut plain = Ferry::example("quickstart");
        backend.keep(&mut plain, "plain");
        let _ = plain.apply();
        let readable = stored(&plain, backend, "plain");
        for word in READABLE {
            assert!(holds(&readable, word), "{backend:?}: `{word}` would be found");
        }

        let mut ferry = Ferry::example("quickstart");
        backend.keep(&mut ferry, "sealed");
        encrypt(&mut ferry, &[("passphrase", PASSPHRASE)]);
        let _ = ferry.apply();
        ferry.expect_no_changes();
        assert_eq!(
            ferry.run(&["state", "list"]).expect(0).out,
            plain.run(&["state", "list"]).expect(0).out
        );
        assert!(ferry.run(&["history"]).expect(0).out.contains("succeeded"));
        let bytes = stored(&ferry, backend, "sealed");
        assert!(!bytes.is_empty());
        for word in READABLE.into_iter().chain([PASSPHRASE]) {
            assert!(!holds(&bytes, word), "{backend:?}: `{word}` is stored");
        }
        for (path, bytes) in ferry.files() {
            assert!(!holds(&bytes, PASSPHRASE), "the passphrase is in {}", path.display());
        }
    }
}

#[test]
fn a_wrong_passphrase_a_missing_one_and_one_too_many_are_told() {
    let mut ferry = Ferry::example("quickstart");
    encrypt(&mut ferry, &[("passphrase", PASSPHRASE)]);
    let _ = ferry.apply();
    let writes = ferry.writes().len();
    let wrong = ferry.run_with("PGFERRY_VAR_passphrase", LATER, &["apply", "--auto-approve"]);
    let said = flowing(&wrong.expect(1).err);
    assert!(said.contains("the passphrase is not that of the state"), "{said}");
    assert!(said.contains("previous_passphrase"), "{said}");
    assert!(!said.contains(LATER), "{said}");

    std::fs::remove_file(ferry.path("state.hcl")).unwrap();
    let said = flowing(&ferry.run(&["plan"]).expect(1).err);
    assert!(
        said.contains("the state is encrypted, and no key of it is at hand"),
        "{said}"
    );
    assert!(said.contains("`encryption`"), "{said}");

    let mut plain = Ferry::example("quickstart");
    let _ = plain.apply();
    encrypt(&mut plain, &[("passphrase", PASSPHRASE)]);
    let said = flowing(&plain.run(&["plan"]).expect(1).err);
    assert!(
        said.contains("the state is not encrypted, though it should be"),
        "{said}"
    );
    assert!(said.contains("`pgferry init`"), "{said}");
    assert_eq!(ferry.writes().len(), writes);
}

#[test]
fn a_state_is_encrypted_given_another_key_and_decrypted_without_loss() {
    let key = "0f".repeat(32);
    side_by_side(Backend::ALL.into_iter(), |backend| {
        let mut ferry = Ferry::example("quickstart");
        backend.keep(&mut ferry, "rotated");
        let _ = ferry.apply();
        let told = |ferry: &Ferry| {
            (
                ferry.run(&["state", "list"]).expect(0).out,
                ferry.run(&["history"]).expect(0).out,
            )
        };
        let (before, writes) = (told(&ferry), ferry.writes().len());
        let steps: [&[(&str, &str)]; 3] = [
            &[("passphrase", PASSPHRASE)],
            &[("key", &key), ("previous_passphrase", PASSPHRASE)],
            &[("previous_key", &key)],
        ];
        for given in steps {
            encrypt(&mut ferry, given);
            let said = flowing(&ferry.run(&["init"]).expect(0).out);
            assert!(said.contains("encrypted"), "{said}");
            assert_eq!(told(&ferry), before, "{backend:?}");
            ferry.expect_no_changes();
            let again = flowing(&ferry.run(&["init"]).expect(0).out);
            assert!(!again.contains("encrypted"), "{again}");
        }
        assert_eq!(ferry.writes().len(), writes);
    });
}

/// Whoever left an apply open finds it under the new key; a key that never was the state's changes nothing.
#[test]
fn a_key_is_changed_beside_an_open_run_and_only_by_who_has_the_old_one() {
    let key = "0f".repeat(32);
    let mut ferry = Ferry::example("quickstart");
    encrypt(&mut ferry, &[("passphrase", PASSPHRASE)]);
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    encrypt(&mut ferry, &[("key", &key), ("previous_passphrase", LATER)]);
    for command in [&["init"][..], &["plan"], &["wait"]] {
        let said = flowing(&ferry.run(command).expect(1).err);
        assert!(said.contains("is not that of the state"), "{command:?}: {said}");
        assert!(said.contains("nothing was changed"), "{said}");
    }
    encrypt(&mut ferry, &[("key", &key), ("previous_passphrase", PASSPHRASE)]);
    let _ = ferry.run(&["init"]).expect(0);
    encrypt(&mut ferry, &[("key", &key)]);
    let _ = ferry.run(&["wait"]).expect(0);
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}

/// A plan is for people and tools to read; it holds no secret, and whoever only plans need not have the key of whoever reads it.
#[test]
fn a_plan_in_a_file_is_readable_beside_an_encrypted_state_and_holds_no_secret() {
    let mut ferry = Ferry::example("quickstart");
    encrypt(&mut ferry, &[("passphrase", PASSPHRASE)]);
    let _ = ferry.run(&["plan", "--out", "kept.plan"]).expect(0);
    let kept = std::fs::read(ferry.path("kept.plan")).unwrap();
    assert!(holds(&kept, "ticketdb"));
    for secret in [PASSPHRASE, crate::support::PASSWORD] {
        assert!(!holds(&kept, secret));
    }
    let _ = ferry.run(&["apply", "kept.plan"]).expect(0);
    ferry.expect_no_changes();
}

#[test]
fn what_is_wrong_with_an_encryption_block_is_told_with_its_place() {
    let mut ferry = Ferry::example("quickstart");
    let refused = |ferry: &Ferry, block: &str, parts: &[&str]| {
        ferry.write(
            "state.hcl",
            &format!("pgferry {{\n  encryption {{\n{block}\n  }}\n}}\n"),
        );
        let said = ferry.run(&["plan"]).expect(1).all();
        for part in parts {
            assert!(said.contains(part), "{part} is missing:\n{said}");
        }
        assert!(!said.contains("s3cret"), "{said}");
    };
    refused(
        &ferry,
        "    passphrase = \"written\"",
        &["may not stand in a file that is shared", "PGFERRY_VAR_state_passphrase"],
    );
    refused(&ferry, "", &["`passphrase` or `key` must be given here"]);
    refused(&ferry, "    pass = 1", &["no argument of this name"]);
    ferry.write(
        "vars.hcl",
        "variable \"word\" {\n  type      = string\n  sensitive = true\n}\n",
    );
    refused(
        &ferry,
        "    passphrase = var.word",
        &["`passphrase` of the `encryption` block has no value"],
    );
    ferry.give("PGFERRY_VAR_word", "s3cret");
    refused(&ferry, "    key = var.word", &["a key is 32 random bytes"]);
    refused(
        &ferry,
        "    key = var.word\n    passphrase = var.word",
        &["arguments that do not go together"],
    );
}
