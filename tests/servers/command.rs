//! `pgferry preflight` as it is called: what it prints, how it ends, and where passwords come from.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use pgferry::database::Endpoint;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::servers::{PASSWORD, maintenance, open, own, run};

/// A project that describes one server as a source and a target whose own names lead nowhere.
fn project(endpoint: &Endpoint, more: &str) -> TempDir {
    project_of(endpoint, endpoint, "offline", more)
}

/// A project that describes two servers whose own names lead nowhere.
pub(crate) fn project_of(source: &Endpoint, target: &Endpoint, mode: &str, more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        r#"azure {{
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg"
  location        = "westeurope"
}}

variable "password" {{ sensitive = true }}

source "erp" {{
  type     = "on_premises"
  host     = "db.invalid"
  username = "postgres"
  password = var.password

  connect {{
    host     = "127.0.0.1"
    port     = {}
    ssl_mode = "disable"
  }}
}}

target "erp" {{
  name           = "pg-erp"
  admin_username = "postgres"
  admin_password = var.password

  connect {{
    host     = "127.0.0.1"
    port     = {}
    ssl_mode = "disable"
  }}
}}

database_batch "wave1" {{
  source    = source.erp
  target    = target.erp
  databases = ["moving"]
  mode      = "{mode}"
}}
{more}"#,
        source.port, target.port
    );
    fs::write(folder.path().join("main.hcl"), text).unwrap();
    folder
}

pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn pgferry(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_pgferry"))
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let answer = Answer {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    let told = format!("{}{}", answer.out, answer.err);
    assert!(!told.contains("quack"), "a password is told: {told}");
    answer
}

pub(crate) fn given() -> [(&'static str, &'static str); 1] {
    [("PGFERRY_VAR_password", PASSWORD)]
}

/// A text without its line breaks.
pub(crate) fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn codes(report: &Json, result: &str) -> Vec<String> {
    let outcomes = report["outcomes"].as_array().unwrap().iter();
    outcomes
        .filter(|outcome| outcome["result"] == result && outcome["severity"] != "note")
        .filter(|outcome| outcome["end"] == "source")
        .map(|outcome| outcome["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn findings_end_with_seven_until_somebody_answers_for_them() {
    let server = own(15, &[("max_worker_processes", "16")]).await;
    let endpoint = server.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    run(&session, "create database moving").await;
    let inside = open(&endpoint, &"moving".parse().unwrap()).await;
    run(
        &inside,
        "create collation public.german (provider = icu, locale = 'de')",
    )
    .await;

    let folder = project(&endpoint, "");
    let answer = pgferry(folder.path(), &["preflight", "source.erp"], &given());
    assert_eq!(answer.code, Some(7), "{}{}", answer.out, answer.err);
    assert!(
        answer.out.lines().all(|line| line.chars().count() <= 80),
        "{}",
        answer.out
    );
    let told: Vec<&str> = answer
        .out
        .lines()
        .skip_while(|line| !line.contains("PF103"))
        .take(5)
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    error[PF103]: user-defined collations
      source.erp, database moving: 1 collation is user-defined
          public.german
      because  The service refuses databases with collations that somebody made.
      to do    Let the columns use a built-in collation, then drop the others.
    ");

    let answer = pgferry(folder.path(), &["preflight", "source.erp", "--json"], &given());
    let report: Json = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(report["summary"]["errors"], 1, "{report:#}");
    assert_eq!(report["servers"][0]["databases"], serde_json::json!(["moving"]));
    assert!(codes(&report, "found").contains(&"PF103".to_owned()));

    let waiver = |until: &str| {
        format!(
            "preflight {{\n  waive \"PF103\" {{\n    owner  = \"ada\"\n    reason = \"rehearsed\"\n    until  = \"{until}\"\n  }}\n}}\n"
        )
    };
    let folder = project(&endpoint, &waiver("9999-12-31"));
    let answer = pgferry(folder.path(), &["preflight", "source.erp"], &given());
    assert_eq!(answer.code, Some(0), "{}", answer.out);
    assert!(
        flowing(&answer.out).contains("by ada until 9999-12-31: rehearsed"),
        "{}",
        answer.out
    );
    let folder = project(&endpoint, &waiver("2001-01-01"));
    let answer = pgferry(folder.path(), &["preflight", "source.erp"], &given());
    assert_eq!(answer.code, Some(7), "{}", answer.out);
    assert!(
        flowing(&answer.out).contains("the waiver of PF103 by ada ended on 2001-01-01"),
        "{}",
        answer.out
    );

    let answer = pgferry(
        folder.path(),
        &["preflight", "database_batch.wave1", "--sarif=out.sarif", "--junit"],
        &given(),
    );
    assert_eq!(answer.code, Some(7));
    assert!(answer.out.contains("<failure type=\"PF103\""), "{}", answer.out);
    let sarif: Json = serde_json::from_slice(&fs::read(folder.path().join("out.sarif")).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let place = results
        .iter()
        .find(|result| result["ruleId"] == "PF103")
        .map(|result| &result["locations"][0]["physicalLocation"]);
    let line = place.map(|place| &place["region"]["startLine"]);
    assert_eq!(line, Some(&Json::from(9)), "{sarif:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_comes_from_the_password_file_where_the_configuration_has_none() {
    let server = own(15, &[]).await;
    let endpoint = server.endpoint().unwrap();
    let folder = project(&endpoint, "");
    let none = pgferry(folder.path(), &["preflight", "source.erp"], &[]);
    assert_eq!(none.code, Some(7));
    assert!(none.out.contains("PF041"), "{}", none.out);
    let file = folder.path().join(".pgpass");
    let escaped = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    fs::write(&file, format!("db.invalid:5432:*:postgres:{escaped}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = pgferry(folder.path(), &["preflight", "source.erp"], &[]);
    assert!(open.err.contains("others may read it"), "{}", open.err);
    assert!(open.out.contains("PF041"), "{}", open.out);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let found = pgferry(folder.path(), &["preflight", "source.erp"], &[]);
    assert!(!found.out.contains("PF041"), "{}", found.out);
    assert!(found.out.contains("PostgreSQL 15"), "{}", found.out);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_dialled() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("main.hcl"), "azure {}\n").unwrap();
    let nothing = pgferry(folder.path(), &["preflight"], &[]);
    assert_eq!(nothing.code, Some(1));
    insta::assert_snapshot!(nothing.err, @"error: the configuration has no `source` and no `target` to look at");
    let text = "preflight {\n  waive \"PF999\" {\n    owner = \"ada\"\n    until = \"soon\"\n  }\n}\n";
    fs::write(folder.path().join("main.hcl"), text).unwrap();
    let refused = pgferry(folder.path(), &["validate"], &[]);
    assert_eq!(refused.code, Some(1));
    insta::assert_snapshot!(refused.err, @r#"
    error[C011]: missing argument
     --> main.hcl:2:3
      |
    2 |   waive "PF999" {
      |   ^^^^^^^^^^^^^ `waive` needs `reason`
      |
      = note: Why it is fine.

    error[C104]: value not allowed
     --> main.hcl:2:9
      |
    2 |   waive "PF999" {
      |         ^^^^^^^ preflight has no rule of this code
      |
      = hint: did you mean `PF099`?
      = hint: `pgferry explain` lists all codes; those of preflight begin with PF

    error[C104]: value not allowed
     --> main.hcl:4:13
      |
    4 |     until = "soon"
      |             ^^^^^^ expected a day such as `2027-01-31`

    3 errors
    "#);
}
