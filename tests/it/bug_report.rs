//! A bug report tells what is needed, no secret and no name, of whole projects and of broken ones, and asks nobody.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value as Json, json};

use crate::support::{Ferry, PASSWORD};

/// Words of the language that the quickstart writes in quotes, for labels too, and names of its own loops: they name nothing.
const WORDS: [&str; 13] = [
    "simulator",
    "online",
    "validateandmigrate",
    "automatic",
    "manual",
    "target",
    "network",
    "databases",
    "endpoint",
    "on_premises",
    "require",
    "region",
    "year",
];

/// Everything that the configuration has in quotes, and the parts of what is written with slashes.
fn names(configuration: &str) -> BTreeSet<String> {
    let literals = configuration
        .lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    // Sentences, such as descriptions, are made of everybody's words.
    let literals = literals.filter(|literal| !literal.contains(' '));
    let parts = literals.flat_map(|literal| literal.split(['/', '$', '{', '}']));
    parts
        .filter(|name| name.len() > 2 && !name.contains('.') && !WORDS.contains(&name.to_lowercase().as_str()))
        .map(str::to_lowercase)
        .collect()
}

/// Its words, for looking names up.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "_-".contains(c)));
    words.map(str::to_lowercase).collect()
}

fn section<'a>(report: &'a Json, title: &str) -> &'a Json {
    let sections = report["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["title"] == title);
    found.unwrap_or_else(|| panic!("no `{title}` in {report:#}"))
}

#[test]
fn a_report_tells_what_happened_and_neither_secrets_nor_names() {
    let mut ferry = Ferry::example("quickstart");
    ferry.give("USER", "ada.lovelace");
    ferry.give("AZURE_CLIENT_SECRET", "s3cret-of-a-principal");
    ferry.give("HTTPS_PROXY", "http://u:pr0xy-pass@proxy.contoso.local");
    ferry.wake_simulator();
    let message = format!("pg-erp-prod refuses {PASSWORD} of migrator for salesdb");
    let fault = json!({ "kind": "status", "status": 400, "code": "Nonsense", "message": message });
    let refused = json!({ "method": "PUT", "path": "*/privateDnsZones/privatelink*", "fault": fault });
    ferry.control(reqwest::Method::POST, "faults", Some(refused));
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]);
    let asked = ferry.requests().len();

    let report = ferry.run(&["bug-report", "--json"]).expect(0);
    let told: Json = serde_json::from_str(&report.out).unwrap();
    assert_eq!(section(&told, "Program")["facts"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(section(&told, "Cloud")["facts"]["cloud"], "simulator");
    assert_eq!(section(&told, "Cloud")["facts"]["subscription"], "subscription-1");
    assert_eq!(section(&told, "State")["facts"]["backend"], "local");
    let declared = section(&told, "Configuration")["facts"]["declared"].as_str().unwrap();
    assert!(declared.contains("1 database_batch"), "{declared}");
    let set = section(&told, "Environment")["facts"]["set"].as_str().unwrap();
    assert!(
        set.contains("AZURE_CLIENT_SECRET") && set.contains("HTTPS_PROXY"),
        "{set}"
    );
    let runs = section(&told, "Last runs")["lines"][0].as_str().unwrap();
    assert!(
        runs.contains("by person-1: apply:") && runs.contains("1 failed"),
        "{runs}"
    );
    let log = section(&told, "Log of the simulator")["lines"][0].as_str().unwrap();
    assert_eq!(log, "Serving a simulated Azure on name-1; Ctrl-C ends it.");

    let configuration = fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let names = names(&configuration);
    assert!(names.len() > 20 && names.contains("pg-erp-prod"), "{names:?}");
    let secrets = [
        PASSWORD,
        "s3cret-of-a-principal",
        "pr0xy-pass",
        "proxy.contoso",
        "10.1.0.4",
    ];
    for arguments in [
        &["bug-report"][..],
        &["bug-report", "--json"],
        &["bug-report", "--with-config"],
    ] {
        let report = ferry.run(arguments).expect(0).all();
        let words = words(&report);
        let seen: Vec<&String> = names.iter().filter(|name| words.contains(*name)).collect();
        assert!(seen.is_empty(), "{arguments:?} tells {seen:?}:\n{report}");
        for secret in secrets.iter().chain(&["ada.lovelace", "erp_password"]) {
            assert!(!report.contains(secret), "{arguments:?} tells {secret}:\n{report}");
        }
        assert!(!report.contains(&*ferry.path("").to_string_lossy()), "{report}");
    }
    let shown = ferry.run(&["bug-report"]).expect(0).out;
    assert!(
        shown.contains("## Left out") && shown.contains("read this before you send it"),
        "{shown}"
    );

    let plain = ["bug-report", "--with-config", "--plain-names", "--out", "report.md"];
    let _ = ferry.run(&plain).expect(0);
    let plain = fs::read_to_string(ferry.path("report.md")).unwrap();
    assert!(
        plain.contains("pg-erp-prod") && plain.contains("ada.lovelace"),
        "{plain}"
    );
    assert!(plain.contains("PGFERRY_VAR_erp_password"), "{plain}");
    for secret in [PASSWORD, "s3cret-of-a-principal", "pr0xy-pass"] {
        assert!(!plain.contains(secret), "{plain}");
    }
    assert_eq!(ferry.requests().len(), asked, "nobody was asked");
}

#[test]
fn what_is_broken_is_told_and_ends_no_report() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]);
    let whole = fs::read_to_string(ferry.path("main.hcl")).unwrap();

    let broken = "target \"contoso\" {\n  password = \"hunter2-literal\"\n  # of Ada\n  oops\n}\nvariable \"pw\" {\n  default = \"other-literal\"\n";
    ferry.write("main.hcl", broken);
    for arguments in [
        &["bug-report", "--with-config"][..],
        &["bug-report", "--with-config", "--plain-names"],
    ] {
        let report = ferry.run(arguments).expect(0).out;
        assert!(report.contains("- holds: no") && report.contains("error["), "{report}");
        assert!(
            report.contains("- lineage:"),
            "the state is found all the same: {report}"
        );
        assert!(
            report.contains("## Open run\n\n- run: ") && report.contains(" done"),
            "{report}"
        );
        for secret in ["hunter2-literal", "other-literal", "of Ada", PASSWORD] {
            assert!(!report.contains(secret), "{report}");
        }
    }
    assert!(
        !ferry
            .run(&["bug-report", "--with-config"])
            .expect(0)
            .out
            .contains("contoso")
    );

    ferry.write("main.hcl", &whole);
    for (path, _) in ferry.files() {
        if path.to_string_lossy().contains("simulator/state") {
            fs::write(path, "no state").unwrap();
        }
    }
    let report = ferry.run(&["bug-report"]).expect(0).out;
    assert!(
        report.contains("- holds: yes") && report.contains("- cannot be read:"),
        "{report}"
    );

    fs::remove_file(ferry.path("main.hcl")).unwrap();
    let report = ferry.run(&["bug-report"]).expect(0).out;
    assert!(report.contains("## Configuration\n\n- cannot be read:"), "{report}");
    assert!(!report.contains(&*ferry.path("").to_string_lossy()), "{report}");
}

#[test]
fn a_state_that_others_share_is_left_alone() {
    let ferry = Ferry::example("quickstart");
    let state = "pgferry {\n  state \"azure_blob\" {\n    storage_account = \"contosostates\"\n    container = \"pgferry\"\n    key = \"erp\"\n  }\n}\n";
    ferry.write("state.hcl", state);
    let report = ferry.run(&["bug-report"]).expect(0).out;
    assert!(report.contains("- backend: azure_blob"), "{report}");
    assert!(report.contains("the state, which is not on this machine"), "{report}");
    assert!(!report.contains("contosostates"), "{report}");
}
