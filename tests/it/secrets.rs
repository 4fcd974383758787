//! A password goes to Azure and nowhere else: not into state, world, log or output, in no usual spelling.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

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

/// Insists that the password is not there, in no usual spelling.
pub(crate) fn refuse(place: &str, bytes: &[u8]) {
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

/// Azure says it in what a migration tells of its course, to every process that looks.
#[test]
fn a_password_that_a_migration_repeats_is_seen_nowhere() {
    let ferry = Ferry::example("quickstart");
    let [plain, encoded] = [spellings()[0].clone(), spellings()[1].clone()];
    let goes_wrong = |nth: u64, how: Json| json!({ "method": "PUT", "path": "*/migrations/*", "nth": nth, "fault": { "kind": "migration", "how": how } });
    let warns = json!({
        "what": "validation_warns", "check": "ExtensionsValidation", "database": "archive", "message": format!("warned with {plain}"),
    });
    let fails = json!({ "what": "copy_fails", "message": format!("no login with {plain} or {encoded}") });
    ferry.world(|world| world["faults"] = json!([goes_wrong(1, warns), goes_wrong(2, fails)]));
    let submitted = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    refuse("the apply", submitted.all().as_bytes());
    let mut told = String::new();
    for command in [
        &["wait"][..],
        &["wait", "--watch"],
        &["status"],
        &["status", "--json"],
        &["history", "--json"],
        &["report"],
        &["report", "--json"],
        &["show", "--json"],
        &["plan"],
        &["plan", "--json=plan.json"],
        &["apply", "--auto-approve"],
        &["snapshot", "--out", "kept.snapshot"],
    ] {
        let said = ferry.run_with("PGFERRY_LOG", "trace", command).all();
        refuse(&command.join(" "), said.as_bytes());
        told.push_str(&said);
    }
    for word in ["warned with (secret)", "no login with (secret) or (secret)"] {
        assert!(told.contains(word), "it is told, without the password: {word}\n{told}");
    }
    for (path, bytes) in ferry.files() {
        // The world is Azure's own, and holds what it was told to say.
        if !path.ends_with("world.json") {
            refuse(&path.display().to_string(), &bytes);
        }
    }
}

/// In every spelling in which a text travels: as it stands, in URLs, in JSON, in digits, and within longer texts in base64.
fn travelling(secret: &str) -> Vec<String> {
    let escaped = |upper: bool| -> String {
        let one = |byte: u8| match (byte.is_ascii_alphanumeric(), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        };
        secret.bytes().map(one).collect()
    };
    let mut all = vec![
        secret.to_owned(),
        escaped(true),
        escaped(false),
        secret.replace('/', "\\/"),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for skipped in 0..3 {
        // Of three places where it can begin, two share their first and last characters with what stands around it.
        let shifted = [&b"xx"[..skipped.min(2)], secret.as_bytes()].concat();
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            all.push(text[4 * usize::from(skipped > 0)..text.len() - 2].to_owned());
        }
    }
    all
}

#[test]
fn a_plan_in_a_file_and_its_renderings_hold_no_sensitive_value_in_any_spelling() {
    let mut ferry = Ferry::example("quickstart");
    let secrets = [
        ("erp_password", "Zq8/first+secret=of the source"),
        ("target_password", "Xw3?second&secret#of-the-target"),
        ("token", "Vk5<third\"secret>that is only seen"),
    ];
    for (name, value) in secrets {
        ferry.give(&format!("PGFERRY_VAR_{name}"), value);
    }
    ferry.append(
        "variable \"token\" {\n  type      = string\n  sensitive = true\n}\n\n\
         output \"all\" {\n  value     = [var.token, var.erp_password, base64encode(\"a${var.token}\"), urlencode(var.target_password)]\n  \
         sensitive = true\n}\n\n\
         check \"token\" {\n  assert {\n    condition     = length(var.token) < 3\n    error_message = \"not so long: ${var.token}\"\n  }\n}\n",
    );
    let forms = [
        "--json=a",
        "--markdown=b",
        "--sarif=c",
        "--junit=d",
        "--html=e",
        "--out=kept.plan",
    ];
    let planned = ferry.run(&[&["plan"][..], &forms].concat()).expect(7);
    assert!(planned.out.contains("Plan: 12 to add"), "{}", planned.all());
    let mut seen = vec![("the terminal".to_owned(), planned.all().into_bytes())];
    for command in [
        &["show", "kept.plan", "--json"][..],
        &["show", "kept.plan"],
        &["graph", "kept.plan"],
    ] {
        seen.push((command.join(" "), ferry.run(command).all().into_bytes()));
    }
    for name in ["a", "b", "c", "d", "e", "kept.plan"] {
        seen.push((name.to_owned(), std::fs::read(ferry.path(name)).unwrap()));
    }
    for (place, bytes) in seen {
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.len() > 100, "{place} is empty");
        for (name, value) in secrets {
            for spelling in travelling(value) {
                assert!(!text.contains(&spelling), "{place} holds {name} as {spelling}");
            }
        }
    }
}

/// What the test above looks for is found where it is.
#[test]
fn a_secret_is_found_in_every_spelling() {
    let secret = "Zq8/first+secret=of the source";
    for before in ["", "a", "ab", "abc"] {
        let text = STANDARD_NO_PAD.encode(format!("{before}{secret} and more"));
        assert!(
            travelling(secret).iter().any(|spelling| text.contains(spelling)),
            "{before}"
        );
    }
    assert!(travelling(secret).contains(&"Zq8%2Ffirst%2Bsecret%3Dof%20the%20source".to_owned()));
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
