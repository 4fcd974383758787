//! A plan for programs and pull requests: several renderings from one run, each where it belongs.

use std::fs;

use serde_json::Value as Json;

use crate::support::{Ferry, PASSWORD};

#[test]
fn one_run_gives_several_renderings() {
    let ferry = Ferry::example("quickstart");
    let flags = [
        "plan",
        "--json",
        "--markdown=plan.md",
        "--max-bytes=8000",
        "--sarif=plan.sarif",
        "--junit=plan.xml",
        "--html=plan.html",
    ];
    let answer = ferry.run(&flags).expect(0);
    let json: Json = serde_json::from_str(&answer.out).unwrap();
    let changes = json["resource_changes"].as_array().unwrap();
    assert!(
        changes
            .iter()
            .all(|change| change["change"]["actions"] == serde_json::json!(["create"]))
    );
    assert_eq!(json["pgferry"]["cloud"], "simulator");
    let read = |name: &str| fs::read_to_string(ferry.path(name)).unwrap();
    let markdown = read("plan.md");
    assert!(markdown.len() <= 8_000 && markdown.contains("SIMULATED"), "{markdown}");
    let fingerprint = json["pgferry"]["fingerprint"].as_str().unwrap();
    assert!(markdown.contains(fingerprint) && read("plan.html").contains(fingerprint));
    let sarif: Json = serde_json::from_str(&read("plan.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(read("plan.xml").starts_with("<?xml"));
    for name in ["plan.md", "plan.sarif", "plan.xml", "plan.html"] {
        assert!(!read(name).contains(PASSWORD), "{name} holds the password");
    }
    assert!(!answer.all().contains(PASSWORD));
    let again = ferry.run(&flags).expect(0);
    assert_eq!(
        (again.out, read("plan.md")),
        (answer.out, markdown),
        "the same plan is the same text"
    );
}

/// Of a plan in a file, whoever holds the file can make the same renderings.
#[test]
fn a_plan_in_a_file_needs_no_configuration() {
    let ferry = Ferry::example("quickstart");
    let made = ferry.run(&["plan", "--json", "--out", "tonight.plan"]).expect(0);
    fs::remove_file(ferry.path("main.hcl")).unwrap();
    let shown = ferry.run(&["show", "tonight.plan", "--json"]).expect(0);
    assert_eq!(shown.out, made.out);
    let drawn = ferry.run(&["graph", "tonight.plan"]).expect(0);
    assert!(drawn.out.starts_with("digraph"), "{}", drawn.out);
    let refused = ferry.run(&["show", "--json"]).expect(1);
    assert!(refused.err.contains("`--json` is of a plan"), "{}", refused.err);
}

/// A comment is updated in place and a picture is kept in a repository: what has not changed must not show up as changed.
#[test]
fn the_same_plan_is_the_same_bytes_in_every_format() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "kept.plan"]).expect(0);
    let mut commands: Vec<Vec<&str>> = ["--json", "--markdown", "--sarif", "--junit", "--html"]
        .map(|format| vec!["show", "kept.plan", format])
        .into();
    commands.push(vec!["show", "kept.plan"]);
    for format in ["dot", "mermaid", "svg", "html"] {
        for by in ["step", "unit", "resource"] {
            commands.push(vec!["graph", "kept.plan", "--format", format, "--by", by]);
        }
    }
    for command in &commands {
        let [once, twice] = [(); 2].map(|()| ferry.run(command).expect(0).out);
        assert!(!once.is_empty(), "{command:?}");
        assert_eq!(once, twice, "{command:?}");
    }
    // Made anew from the same files and the same Azure, it is the same but for where it lies.
    for format in ["--json", "--markdown", "--sarif", "--junit", "--html"] {
        let [once, twice] = [(); 2].map(|()| ferry.run(&["plan", format]).expect(0).out);
        assert_eq!(once, twice, "{format}");
    }
}

#[test]
fn standard_output_has_room_for_one() {
    let ferry = Ferry::example("quickstart");
    let answer = ferry.run(&["plan", "--json", "--sarif"]).expect(1);
    assert!(answer.err.contains("`--sarif=FILE`"), "{}", answer.err);
    let answer = ferry.run(&["plan", "--json=nowhere/plan.json"]).expect(1);
    assert!(
        answer.err.contains("`nowhere/plan.json` could not be written"),
        "{}",
        answer.err
    );
    let answer = ferry.run(&["plan", "--markdown", "--max-bytes=10"]).expect(1);
    assert!(answer.err.contains("4096"), "{}", answer.err);
}

#[test]
fn a_pipeline_is_shown_the_lines_concerned() {
    let ferry = Ferry::example("quickstart");
    ferry.append(
        "check \"small\" {\n  assert {\n    condition     = length(database_batch.wave1.databases) < 2\n    error_message = \"too many\"\n  }\n}\n",
    );
    let line = fs::read_to_string(ferry.path("main.hcl"))
        .unwrap()
        .lines()
        .position(|line| line.contains("< 2"))
        .unwrap()
        + 1;
    let told = ferry.run_with("GITHUB_ACTIONS", "true", &["plan"]).expect(7);
    let expected = format!("::warning file=main.hcl,line={line},col=21,title=pgferry check::check.small: too many\n");
    assert!(told.err.contains(&expected), "{}", told.err);
    let told = ferry.run_with("TF_BUILD", "True", &["plan"]).expect(7);
    assert!(
        told.err.contains(&format!("sourcepath=main.hcl;linenumber={line};")),
        "{}",
        told.err
    );
    let silent = ferry
        .run_with("GITHUB_ACTIONS", "true", &["plan", "--no-annotations"])
        .expect(7);
    assert!(!silent.all().contains("::warning"), "{}", silent.all());
}

#[test]
fn the_steps_are_drawn() {
    let ferry = Ferry::example("quickstart");
    for (format, begins) in [
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("svg", "<svg"),
        ("html", "<!doctype html>"),
    ] {
        let drawn = ferry.run(&["graph", "--format", format]).expect(0);
        assert!(drawn.out.starts_with(begins), "{}", drawn.out);
        assert!(drawn.out.contains("vnet-runtime"), "{format} has no reasons");
    }
    let by_step = ferry.run(&["graph"]).expect(0).out;
    let by_resource = ferry.run(&["graph", "--by", "resource"]).expect(0).out;
    assert!(by_resource.len() < by_step.len());
}

/// Whatever a program asked for, it is told what is wrong with the configuration in a form that it can read.
#[test]
fn a_configuration_that_is_wrong_is_told_to_programs_too() {
    let ferry = Ferry::example("quickstart");
    let main = fs::read_to_string(ferry.path("main.hcl")).unwrap();
    fs::write(ferry.path("main.hcl"), main.replace("mode  ", "mdoe  ")).unwrap();
    let told = |command: &str, code: &str| {
        let answer = ferry.run(&[command, "--json"]).expect(1);
        let json: Json = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{command}: {}", answer.out));
        assert_eq!(json["format_version"], "1.0", "{command}");
        assert_eq!(json["diagnostics"][0]["code"], code, "{command}: {json}");
        assert!(
            answer.err.contains(&format!("error[{code}]")),
            "{command}: {}",
            answer.err
        );
    };
    for command in ["plan", "drift", "preflight"] {
        told(command, "C010");
    }
    // These look at no resource, but have to read the configuration.
    fs::write(ferry.path("main.hcl"), main.replace("mode  ", "mode mode ")).unwrap();
    for command in ["output", "status", "history"] {
        told(command, "C001");
    }
    fs::write(ferry.path("main.hcl"), main.replace("mode  ", "mdoe  ")).unwrap();
    let flags = [
        "plan",
        "--sarif=plan.sarif",
        "--json=plan.json",
        "--markdown=plan.md",
        "--junit=plan.xml",
        "--html=plan.html",
    ];
    let answer = ferry.run(&flags).expect(1);
    assert_eq!(answer.out, "");
    for name in ["plan.md", "plan.xml", "plan.html"] {
        let text = fs::read_to_string(ferry.path(name)).unwrap();
        for said in ["C010", "main.hcl:", "did you mean `mode`?"] {
            assert!(text.contains(said), "{name} does not say {said}: {text}");
        }
    }
    let read = |name: &str| -> Json { serde_json::from_str(&fs::read_to_string(ferry.path(name)).unwrap()).unwrap() };
    assert_eq!(read("plan.json")["valid"], false);
    let result = &read("plan.sarif")["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "C010");
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().unwrap().ends_with("main.hcl"), "{uri}");
}
