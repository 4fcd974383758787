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
    let _ = ferry.run(&["plan", "--out", "kept.plan"]).expect(0);
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

/// The simulator outlives the command that starts it, and others of the account can read its environment.
#[cfg(target_os = "linux")]
#[test]
fn the_simulator_knows_no_password() {
    let ferry = Ferry::example("quickstart");
    let _planned = ferry.run(&["plan"]).expect(0);
    let announced = std::fs::read(ferry.path(".pgferry/simulator.json")).unwrap();
    let announced: serde_json::Value = serde_json::from_slice(&announced).unwrap();
    let environment = std::fs::read(format!("/proc/{}/environ", announced["process_id"])).unwrap();
    assert!(!environment.is_empty());
    refuse("the environment of the simulator", &environment);
}

/// A word on the command line may hold a password even where it is a mistake.
#[test]
fn mistakes_on_the_command_line_are_not_repeated_aloud() {
    let ferry = Ferry::example("quickstart");
    let pair = format!("erp_password={PASSWORD}");
    let colon = format!("erp_password:{PASSWORD}");
    for line in [
        &["plan", "--var", &colon][..],
        &["plan", "--var", PASSWORD],
        &["plan", "-v", &pair],
        &["-v", &pair, "plan"],
        &["plan", "--vra", &pair],
        &["plan", &format!("--vra={pair}")],
        &["plan", &format!("-v={pair}")],
    ] {
        refuse("the complaint", ferry.run(line).expect(1).all().as_bytes());
    }
}
