//! A password goes to Azure and nowhere else: not into state, world, log or output, in no usual spelling.

use crate::support::{Ferry, PASSWORD};

/// The password as it stands, percent-encoded, in base64 and as JSON escapes it.
fn spellings() -> Vec<String> {
    vec![
        PASSWORD.to_owned(),
        "c0rrect-h0rse%2Fbattery%2Bstaple".into(),
        "YzBycmVjdC1oMHJzZS9iYXR0ZXJ5K3N0YXBsZQ".into(),
        PASSWORD.replace('/', "\\/"),
    ]
}

fn refuse(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for spelling in spellings() {
        assert!(!text.contains(&spelling), "{place} holds the password");
    }
}

#[test]
fn a_password_is_seen_nowhere() {
    let ferry = Ferry::example("quickstart");
    let plan = ferry.run_with("PGFERRY_LOG", "trace", &["plan"]).expect(0);
    refuse("the plan", plan.all().as_bytes());
    let apply = ferry
        .run_with("PGFERRY_LOG", "trace", &["apply", "--auto-approve"])
        .expect(0);
    assert!(
        apply.err.contains("PUT"),
        "the log at trace level shows requests:\n{}",
        apply.err
    );
    refuse("the apply with its log", apply.all().as_bytes());
    for command in [&["show"][..], &["output"], &["status"], &["plan"]] {
        refuse(command[0], ferry.run(command).expect(0).all().as_bytes());
    }
    refuse(
        "the request log",
        ferry
            .control(reqwest::Method::GET, "requests", None)
            .to_string()
            .as_bytes(),
    );
    let files = ferry.files();
    assert!(
        files
            .iter()
            .any(|(path, _)| path.ends_with("world.json") && path.to_string_lossy().contains(".pgferry"))
    );
    for (path, bytes) in files {
        refuse(&path.display().to_string(), &bytes);
    }
}
