//! Workflows as they are written into a repository: where they go, what is never overwritten in silence, and what their steps do
//! on a runner whose forge answers from files.

use std::fs;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::support::Ferry;

#[test]
fn workflows_are_written_once_and_what_somebody_changed_is_left_alone() {
    let ferry = Ferry::example("quickstart");
    let refused = ferry.run(&["ci", "init", "github"]).expect(1);
    assert!(refused.err.contains("`.git`"), "{}", refused.err);
    fs::create_dir(ferry.path(".git")).unwrap();

    let written = ferry.run(&["ci", "init", "github"]).expect(0);
    for path in [
        ".github/workflows/pgferry-plan.yml",
        ".github/workflows/pgferry-release.yml",
    ] {
        assert!(written.out.contains(&format!("written    {path}\n")), "{}", written.out);
        assert!(ferry.path(path).is_file());
    }
    // Nobody would find the state of a runner that was thrown away.
    assert!(written.err.contains("`state` block"), "{}", written.err);
    let again = ferry.run(&["ci", "init", "github"]).expect(0);
    assert_eq!(again.out.matches("unchanged  ").count(), 2, "{}", again.out);

    let plan = ferry.path(".github/workflows/pgferry-plan.yml");
    let release = ferry.path(".github/workflows/pgferry-release.yml");
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, "# ours\n").unwrap();
    fs::remove_file(&release).unwrap();
    let refused = ferry.run(&["ci", "init", "github"]).expect(1);
    assert!(
        refused.err.contains("pgferry-plan.yml") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    assert_eq!(fs::read_to_string(&plan).unwrap(), "# ours\n");
    assert!(!release.exists(), "nothing was written beside it");
    let replaced = ferry.run(&["ci", "init", "github", "--force"]).expect(0);
    assert!(
        replaced.out.contains("replaced   .github/workflows/pgferry-plan.yml\n"),
        "{}",
        replaced.out
    );
    assert_eq!(fs::read_to_string(&plan).unwrap(), text);

    // A directory whose name means something to a shell stands in no script.
    fs::create_dir(ferry.path("a b")).unwrap();
    fs::copy(ferry.path("main.hcl"), ferry.path("a b/main.hcl")).unwrap();
    let refused = ferry.run(&["-C", "a b", "ci", "init", "azure-devops"]).expect(1);
    assert!(refused.err.contains("`a b`"), "{}", refused.err);
}

#[test]
fn every_command_has_a_manual_page() {
    let ferry = Ferry::example("quickstart");
    fs::create_dir(ferry.path("man")).unwrap();
    let _ = ferry.run(&["man", "man"]).expect(0);
    let page = fs::read_to_string(ferry.path("man/pgferry-apply.1")).unwrap();
    assert!(page.contains("Make it as the configuration says"), "{page}");
    assert!(!page.contains('\u{1b}'), "styles are for terminals");
    for name in ["pgferry.1", "pgferry-state-list.1", "pgferry-ci-init.1"] {
        assert!(ferry.path("man").join(name).is_file(), "{name}");
    }
    let _ = ferry.run(&["man", "nowhere"]).expect(1);
}

/// The scripts of a workflow with the names of their steps; without a name, that of the step before.
fn scripts(text: &str) -> Vec<(String, String)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut name = "";
    for (at, line) in lines.iter().enumerate() {
        if let Some((_, said)) = line.split_once("- name: ").or_else(|| line.split_once("displayName: ")) {
            name = said;
        }
        let begins = ["run: |", "bash: |", "inlineScript: |"]
            .iter()
            .any(|key| line.ends_with(key));
        let Some(first) = lines.get(at + 1).filter(|_| begins) else {
            continue;
        };
        let inner = indent(first);
        let within = lines[at + 1..].iter();
        let within = within.take_while(|line| line.trim().is_empty() || indent(line) >= inner);
        let script: Vec<&str> = within.map(|line| line.get(inner..).unwrap_or_default()).collect();
        found.push((name.to_owned(), script.join("\n")));
    }
    found
}

/// A runner: the scripts of its workflow, with a `gh` and a `curl` that answer from files and, unless the real one is wanted, a
/// `pgferry` of the same kind.
struct Runner<'a> {
    ferry: &'a Ferry,
    scripts: Vec<(String, String)>,
    /// How the forge calls bash.
    flags: &'static [&'static str],
}

/// What a step left.
#[derive(Debug)]
struct Step {
    code: Option<i32>,
    said: String,
    output: String,
    summary: String,
}

const GH: &str = r##"#!/usr/bin/env bash
shift
expression=. field= method=GET
while [ $# -gt 0 ]; do
  case "$1" in
    --jq) expression=$2; shift ;;
    --method) method=$2; shift ;;
    --field) field=${2#body=@}; shift ;;
    --*) ;;
    *) path=${1%%\?*} ;;
  esac
  shift
done
echo "$method $path" >> "$RUNNER_TEMP/asked"
if [ -n "$field" ]; then
  cp "$field" "$RUNNER_TEMP/body"
  exit 0
fi
answer="$RUNNER_TEMP/answers/${path//\//_}"
if [ ! -f "$answer" ]; then
  echo "gh: Not Found (HTTP 404)" >&2
  exit 1
fi
jq --raw-output "$expression" "$answer"
"##;

const CURL: &str = r##"#!/usr/bin/env bash
method=GET data=
while [ $# -gt 0 ]; do
  case "$1" in
    --request) method=$2; shift ;;
    --data) data=$2; shift ;;
    --header | --output) shift ;;
    --*) ;;
    *) url=${1%%\?*} ;;
  esac
  shift
done
url=${url#https://forge/}
echo "$method $url" >> "$RUNNER_TEMP/asked"
if [ -n "$data" ]; then
  cat > "$RUNNER_TEMP/body"
fi
answer="$RUNNER_TEMP/answers/${url//\//_}"
if [ -f "$answer" ]; then
  cat "$answer"
elif [ "$method" = GET ]; then
  echo "curl: (22) The requested URL returned error: 404" >&2
  exit 22
fi
"##;

const PGFERRY: &str = r###"#!/usr/bin/env bash
printf '%s\n' "$@" > "$RUNNER_TEMP/arguments"
for argument in "$@"; do
  case "$argument" in
    --json=*) cp "$RUNNER_TEMP/answers/plan.json" "${argument#*=}" ;;
    --markdown=*) echo "## What is planned" > "${argument#*=}" ;;
    status) cat "$RUNNER_TEMP/answers/status.json" ;;
  esac
done
case " $* " in
  *" status "*) exit 0 ;;
  *) exit "$CODE_OF_PGFERRY" ;;
esac
"###;

impl<'a> Runner<'a> {
    fn of(ferry: &'a Ferry, workflow: &str) -> Self {
        Self::on("github", ferry, &format!(".github/workflows/{workflow}"))
    }

    fn of_azure(ferry: &'a Ferry, pipeline: &str) -> Self {
        Self::on("azure-devops", ferry, &format!("azure-pipelines/{pipeline}"))
    }

    fn on(forge: &str, ferry: &'a Ferry, workflow: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        if !ferry.path(".git").exists() {
            fs::create_dir(ferry.path(".git")).unwrap();
        }
        let _ = ferry.run(&["ci", "init", forge, "--force"]).expect(0);
        let text = fs::read_to_string(ferry.path(workflow)).unwrap();
        for folder in ["bin", "temp", "temp/answers"] {
            fs::create_dir_all(ferry.path(folder)).unwrap();
        }
        for (name, program) in [("gh", GH), ("curl", CURL), ("pgferry", PGFERRY)] {
            // A runner before this one may have put a link to the real one there.
            let _ = fs::remove_file(ferry.path("bin").join(name));
            ferry.write(&format!("bin/{name}"), program);
            fs::set_permissions(ferry.path("bin").join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self {
            ferry,
            scripts: scripts(&text),
            flags: match forge {
                "github" => &["--noprofile", "--norc", "-eo", "pipefail"],
                _ => &["--noprofile", "--norc"],
            },
        }
    }

    /// Lets pgferry be the real one.
    fn for_real(self) -> Self {
        fs::remove_file(self.ferry.path("bin/pgferry")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pgferry"), self.ferry.path("bin/pgferry")).unwrap();
        self
    }

    /// What the forge answers to a GET, or what pgferry writes.
    fn answers(&self, to: &str, answer: &Json) {
        self.ferry
            .write(&format!("temp/answers/{}", to.replace('/', "_")), &answer.to_string());
    }

    fn run(&self, step: &str, environment: &[(&str, &str)]) -> Step {
        let at = self.scripts.iter().position(|(name, _)| name == step);
        self.run_at(at.unwrap(), environment)
    }

    /// The first script that holds this.
    fn holding(&self, text: &str) -> usize {
        let at = self.scripts.iter().position(|(_, script)| script.contains(text));
        at.unwrap()
    }

    fn run_at(&self, step: usize, environment: &[(&str, &str)]) -> Step {
        let (_, script) = &self.scripts[step];
        self.ferry.write("temp/step.sh", script);
        for file in ["temp/output", "temp/summary"] {
            self.ferry.write(file, "");
        }
        let mut command = Command::new("bash");
        command.args(self.flags);
        command
            .arg(self.ferry.path("temp/step.sh"))
            .current_dir(self.ferry.path("."));
        let path = format!("{}:/usr/bin:/bin", self.ferry.path("bin").display());
        command.env_clear().env("PATH", path).env("HOME", self.ferry.path("."));
        command
            .env("RUNNER_TEMP", self.ferry.path("temp"))
            .env("AGENT_TEMPDIRECTORY", self.ferry.path("temp"))
            .env("GITHUB_OUTPUT", self.ferry.path("temp/output"))
            .env("GITHUB_STEP_SUMMARY", self.ferry.path("temp/summary"))
            .env("GITHUB_SERVER_URL", "https://forge")
            .env("GITHUB_REPOSITORY", "contoso/db")
            .env("GITHUB_RUN_ID", "77")
            .env("GITHUB_SHA", MERGE);
        command.envs(environment.iter().copied());
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let read = |name: &str| fs::read_to_string(self.ferry.path(name)).unwrap();
        Step {
            code: output.status.code(),
            said: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
            output: read("temp/output"),
            summary: read("temp/summary"),
        }
    }

    fn kept(&self, name: &str) -> String {
        fs::read_to_string(self.ferry.path("temp").join(name)).unwrap_or_default()
    }
}

const MERGE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const HEAD: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const FINGERPRINT: &str = "377f988b92aa3e935784b1843f922918";
const MARKER: (&str, &str) = ("MARKER", "<!-- pgferry ci -->");

#[test]
fn every_script_is_sound() {
    let ferry = Ferry::example("quickstart");
    fs::create_dir(ferry.path(".git")).unwrap();
    for forge in ["github", "azure-devops"] {
        let _ = ferry.run(&["ci", "init", forge]).expect(0);
    }
    let mut checked = 0;
    for folder in [".github/workflows", "azure-pipelines"] {
        for which in ["plan", "release"] {
            let text = fs::read_to_string(ferry.path(folder).join(format!("pgferry-{which}.yml"))).unwrap();
            for (name, script) in scripts(&text) {
                assert!(!script.contains("${{"), "{name}: {script}");
                ferry.write("step.sh", &script);
                // The script that comments stands within another one.
                let within = script.split_once("<<'END_OF_SCRIPT'\n");
                let within = within.and_then(|(_, rest)| rest.split_once("\nEND_OF_SCRIPT"));
                ferry.write("within.sh", within.map_or("", |(within, _)| within));
                let checks = Command::new("shellcheck")
                    .args(["--shell=bash", "--severity=warning"])
                    .args([ferry.path("step.sh"), ferry.path("within.sh")])
                    .output()
                    .expect("shellcheck is there; tests/run installs it");
                let found = String::from_utf8_lossy(&checks.stdout);
                assert!(checks.status.success(), "{folder}, {which}, {name}: {found}");
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn nothing_is_applied_before_somebody_has_to_approve() {
    let ferry = Ferry::example("quickstart");
    let runner = Runner::of(&ferry, "pgferry-release.yml");
    let step = "Somebody has to approve";
    let environment = |name: &str, rules: Json, branches: Json| {
        let answer = json!({ "name": name, "protection_rules": rules, "deployment_branch_policy": branches });
        runner.answers(&format!("repos/contoso/db/environments/{name}"), &answer);
    };
    let reviewers =
        || json!([{ "type": "wait_timer" }, { "type": "required_reviewers", "reviewers": [{ "type": "Team" }] }]);
    let selected = || json!({ "protected_branches": false, "custom_branch_policies": true });

    let nothing = runner.run(step, &[]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert_eq!(nothing.said.matches(" is not there").count(), 3, "{nothing:?}");
    for name in ["pgferry-apply", "pgferry-wait", "pgferry-cutover"] {
        environment(name, reviewers(), selected());
    }
    environment("pgferry-wait", json!([]), selected());
    assert_eq!(runner.run(step, &[]).code, Some(0));

    // As GitHub makes one that is missing.
    environment("pgferry-cutover", json!([]), Json::Null);
    let open = runner.run(step, &[]);
    assert_eq!(open.code, Some(1), "{open:?}");
    for said in [
        "pgferry-cutover has no required reviewers",
        "any branch may deploy to the environment pgferry-cutover",
    ] {
        assert!(open.said.contains(said), "{open:?}");
    }
}

#[test]
fn a_release_says_whether_it_does_what_was_reviewed() {
    let ferry = Ferry::example("quickstart");
    let runner = Runner::of(&ferry, "pgferry-release.yml");
    let compared = || {
        let step = runner.run(
            "Compare with what was reviewed",
            &[MARKER, ("FINGERPRINT", FINGERPRINT)],
        );
        // It decides nothing.
        assert_eq!(step.code, Some(0), "{step:?}");
        assert!(step.summary.contains("### Against the review"), "{step:?}");
        step.summary
    };
    let comment = |who: &str, commit: &str, fingerprint: &str, at: &str| {
        let body = format!(
            "<!-- pgferry ci -->\r\n<!-- pgferry commit={commit} fingerprint={fingerprint} -->\nPlan\n<!-- pgferry commit={HEAD} \
             fingerprint={FINGERPRINT} -->"
        );
        let other = json!({ "user": { "login": "eve" }, "body": "hello", "updated_at": "2026-11-29T01:00:00Z" });
        let ours = json!({ "user": { "login": who }, "body": body, "updated_at": at });
        runner.answers("repos/contoso/db/issues/12/comments", &json!([other, ours]));
    };
    let (bot, early, late) = ("github-actions[bot]", "2026-11-29T10:00:00Z", "2026-11-29T12:00:00Z");
    assert!(compared().contains("Not known"));
    runner.answers(&format!("repos/contoso/db/commits/{MERGE}/pulls"), &json!([]));
    assert!(compared().contains("NOT reviewed: no pull request"));
    let pull = |sha: &str| json!([{ "number": 12, "merged_at": "2026-11-29T11:00:00Z", "merge_commit_sha": sha, "head": { "sha": HEAD } }]);
    runner.answers(&format!("repos/contoso/db/commits/{MERGE}/pulls"), &pull(HEAD));
    assert!(compared().contains("NOT reviewed: no pull request"));
    runner.answers(&format!("repos/contoso/db/commits/{MERGE}/pulls"), &pull(MERGE));
    assert!(compared().contains("Not known"));

    comment(bot, HEAD, FINGERPRINT, early);
    let same = compared();
    assert!(
        same.contains(&format!("The same as the plan in #12: {FINGERPRINT}")),
        "{same}"
    );
    for (who, commit, fingerprint, at, said) in [
        ("eve", HEAD, FINGERPRINT, early, "NOT reviewed: there is no plan in #12"),
        (bot, HEAD, "none", early, "NOT reviewed: there is no plan in #12"),
        (
            bot,
            HEAD,
            FINGERPRINT,
            late,
            "NOT reviewed: the plan in #12 was written after the merge",
        ),
        (
            bot,
            MERGE,
            FINGERPRINT,
            early,
            "NOT what was reviewed: the plan in #12 is of aaaa",
        ),
        (
            bot,
            HEAD,
            "0123456789abcdef0123456789abcdef",
            early,
            "NOT what was reviewed: in #12 it was 0123",
        ),
    ] {
        comment(who, commit, fingerprint, at);
        let told = compared();
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn a_release_can_be_aimed_and_a_failed_check_stops_no_apply() {
    let ferry = Ferry::example("quickstart");
    let runner = Runner::of(&ferry, "pgferry-release.yml");
    let planned = |code: &str, applyable: bool, given: &[(&str, &str)]| {
        let refused = given.contains(&("REFUSED", ""));
        let plan = json!({ "applyable": applyable, "pgferry": { "fingerprint": FINGERPRINT, "refused": refused } });
        runner.answers("plan.json", &plan);
        let mut environment = vec![("APPROVED", ""), ("TARGET", ""), ("EXCLUDE", ""), ("RETRY", "")];
        environment.extend_from_slice(given);
        environment.push(("CODE_OF_PGFERRY", code));
        runner.run("Plan", &environment)
    };
    let changes = |changes: bool| format!("changes={changes}\nfingerprint={FINGERPRINT}\n");
    assert_eq!(planned("0", false, &[]).output, changes(false));
    assert_eq!(planned("2", true, &[]).output, changes(true));
    let checked = planned("7", true, &[]);
    assert_eq!((checked.code, checked.output), (Some(0), changes(true)));
    assert!(checked.said.contains("::warning::a check"), "{}", checked.said);
    let checked = planned("7", false, &[]);
    assert_eq!(
        (checked.code, checked.output),
        (Some(0), changes(false)),
        "nothing to do is not refused"
    );
    for (code, applyable) in [("7", false), ("1", true)] {
        let refused = planned(code, applyable, &[("REFUSED", "")]);
        assert_eq!((refused.code, &*refused.output), (code.parse().ok(), ""));
    }
    assert_eq!(planned("2", true, &[("APPROVED", FINGERPRINT)]).code, Some(0));
    assert_eq!(planned("2", true, &[("APPROVED", "0123")]).code, Some(1));

    // What was typed is words and nothing else.
    let typed = [
        ("TARGET", "database_batch.wave1  module.a[\"x\"] $(touch$IFS'hacked')"),
        ("EXCLUDE", "--auto-approve"),
        ("RETRY", "database_batch.wave2;false"),
    ];
    let _ = planned("2", true, &typed);
    let aimed = [
        "--target=database_batch.wave1",
        "--target=module.a[\"x\"]",
        "--target=$(touch$IFS'hacked')",
        "--exclude=--auto-approve",
        "--retry=database_batch.wave2;false",
    ];
    let arguments = runner.kept("arguments");
    let plan: Vec<&str> = arguments.lines().skip(1).take(5).collect();
    assert_eq!(plan, aimed);
    let mut applying = typed.to_vec();
    applying.extend([("FINGERPRINT", FINGERPRINT), ("CODE_OF_PGFERRY", "3")]);
    assert_eq!(runner.run("Apply", &applying).code, Some(0));
    let arguments = runner.kept("arguments");
    assert_eq!(arguments.lines().skip(1).take(5).collect::<Vec<_>>(), aimed);
    assert!(!ferry.path("hacked").exists());
    applying.push(("CODE_OF_PGFERRY", "7"));
    assert_eq!(runner.run("Apply", &applying).code, Some(7));
}

#[test]
fn whoever_approves_a_cutover_reads_what_it_is_about() {
    let ferry = Ferry::example("quickstart");
    let runner = Runner::of(&ferry, "pgferry-release.yml");
    let migration = |address: &str, substate: &str, lag: Json, by: Json| {
        json!({
            "address": address, "substate": substate, "waits_for_person": true, "lag_seconds": lag, "given_up_by": by,
            "databases": [{ "name": "archive" }, { "name": "odd`\nname" }],
        })
    };
    let ready = "WaitingForCutoverTrigger";
    let migrations = [
        migration("database_batch.wave1#1", ready, 4.into(), "2026-12-02T01:21:30Z".into()),
        migration("database_batch.wave1#2", "MigratingData", 9.into(), Json::Null),
        migration("database_batch.wave2#1", ready, Json::Null, Json::Null),
        json!({ "address": "database_batch.wave3#1", "name": "wave3m1", "found": false }),
    ];
    runner.answers("status.json", &json!({ "migrations": migrations }));
    for code in ["0", "4", "7"] {
        let waited = runner.run("Wait", &[("CODE_OF_PGFERRY", code)]);
        assert_eq!(waited.code, Some(0), "{waited:?}");
        let named = "ready<<END_OF_READY\ndatabase_batch.wave1#1\ndatabase_batch.wave2#1\nEND_OF_READY\n";
        assert_eq!(waited.output, format!("code={code}\n{named}"));
        let told = "- `database_batch.wave1#1`: `archive`, `odd name`; lag 4 s; Azure gives it up by 2026-12-02T01:21:30Z at the \
                    latest\n- `database_batch.wave2#1`: `archive`, `odd name`; lag unknown; Azure gives it up at a time that is \
                    not known\n";
        assert!(waited.summary.contains(told), "{}", waited.summary);
    }
    assert_eq!(runner.run("Wait", &[("CODE_OF_PGFERRY", "1")]).code, Some(1));
    assert_eq!(runner.run("Result", &[("CODE", "7")]).code, Some(7));
    assert_eq!(runner.run("Result", &[("CODE", "4")]).code, Some(0));
}

#[test]
fn a_comment_names_its_commit_and_never_shows_an_earlier_plan() {
    let ferry = Ferry::example("quickstart");
    ferry.append("check \"never\" {\n  assert {\n    condition     = false\n    error_message = \"never\"\n  }\n}\n");
    let runner = Runner::of(&ferry, "pgferry-plan.yml").for_real();
    let given = [
        MARKER,
        ("COMMIT", HEAD),
        ("NUMBER", "12"),
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
    ];
    let theirs = json!({ "id": 1, "user": { "login": "eve" }, "body": "<!-- pgferry ci -->\nmine" });
    let ours = json!({ "id": 2, "user": { "login": "github-actions[bot]" }, "body": "<!-- pgferry ci -->\nthe plan of before" });
    let other =
        json!({ "id": 3, "user": { "login": "github-actions[bot]" }, "body": "<!-- pgferry ci-live -->\nelsewhere" });
    runner.answers("repos/contoso/db/issues/12/comments", &json!([theirs, other]));
    assert_eq!(runner.run("Say that it is being planned", &given).code, Some(0));
    assert!(
        runner
            .kept("asked")
            .ends_with("POST repos/contoso/db/issues/12/comments\n")
    );
    runner.answers("repos/contoso/db/issues/12/comments", &json!([theirs, other, ours]));
    assert_eq!(runner.run("Say that it is being planned", &given).code, Some(0));
    assert!(
        runner
            .kept("asked")
            .ends_with("PATCH repos/contoso/db/issues/comments/2\n")
    );
    let run = "https://forge/contoso/db/actions/runs/77";
    assert_eq!(
        runner.kept("body"),
        format!("<!-- pgferry ci -->\n`{HEAD}` is [being planned]({run}).\n")
    );

    // Nothing was installed: nothing but that is told.
    let told = runner.run("Comment", &given);
    let none = format!(
        "<!-- pgferry ci -->\n<!-- pgferry commit={HEAD} fingerprint=none -->\n**[No plan]({run}) could be made of `{HEAD}`.**\n"
    );
    assert!(
        runner.kept("body").starts_with(&none),
        "{told:?}: {}",
        runner.kept("body")
    );

    // A check that does not hold, beside changes, is told and stops nothing.
    let planned = runner.run("Plan", &given);
    assert!(planned.output.contains("code=7\n"), "{planned:?}");
    assert_eq!(runner.run("Comment", &given).code, Some(0));
    let body = runner.kept("body");
    let first: Vec<&str> = body.lines().take(3).collect();
    let plan: Json = serde_json::from_str(&runner.kept("plan.json")).unwrap();
    let fingerprint = plan["pgferry"]["fingerprint"].as_str().unwrap();
    let line = format!("<!-- pgferry commit={HEAD} fingerprint={fingerprint} -->");
    let heading = format!("[Plan]({run}) of `{HEAD}`:");
    assert_eq!(first, ["<!-- pgferry ci -->", &*line, &*heading]);
    assert!(body.contains("wave1"), "{body}");
    let result = runner.run("Result", &[("CODE", "7")]);
    assert_eq!(result.code, Some(0), "{result:?}");

    // A configuration that is refused: what is wrong with it is read where the plan would be.
    for file in ["plan.json", "plan.md"] {
        fs::remove_file(ferry.path("temp").join(file)).unwrap();
    }
    ferry.append("locals {\n  lost = var.nowhere\n}\n");
    let planned = runner.run("Plan", &given);
    assert!(planned.output.contains("code=1\n"), "{planned:?}");
    let told = runner.run("Comment", &given);
    let body = runner.kept("body");
    assert!(
        body.contains("**[No plan]") && body.contains("fingerprint=none"),
        "{told:?}: {body}"
    );
    assert!(body.contains("nowhere"), "{body}");
    assert!(!body.contains("\n::"), "{body}");
    assert_eq!(told.summary.trim(), body.split_once('\n').unwrap().1.trim());
    assert_eq!(runner.run("Result", &[("CODE", "1")]).code, Some(1));
}

#[test]
fn workflows_are_written_without_the_values_that_they_will_be_given() {
    let ferry = Ferry::of(
        "variable \"world\" {}\nvariable \"who\" {}\nvariable \"pass\" {\n  sensitive = true\n}\n\
         azure {\n  cloud = \"simulator\"\n  world = var.world\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n}\n\
         locals {\n  who = var.who\n}\n\
         pgferry {\n  state \"postgres\" {\n    host = \"pg\"\n    database = \"tools\"\n    user = local.who\n    password = var.pass\n    \
         name = \"prod\"\n  }\n}\n",
    );
    fs::create_dir(ferry.path(".git")).unwrap();
    let _ = ferry.run(&["plan"]).expect(1);
    let written = ferry.run(&["ci", "init", "github"]).expect(0);
    assert!(!written.err.contains("`state` block"), "{}", written.err);
    let plan = fs::read_to_string(ferry.path(".github/workflows/pgferry-plan.yml")).unwrap();
    for given in [
        "PGFERRY_VAR_world: ${{ vars.PGFERRY_VAR_WORLD }}",
        "PGFERRY_VAR_who: ${{ vars.PGFERRY_VAR_WHO }}",
        "PGFERRY_VAR_pass: ${{ secrets.PGFERRY_PLAN_VAR_PASS }}",
        "#   PGFERRY_PLAN_VAR_PASS  a secret, which opens the state for a plan",
    ] {
        assert!(plan.contains(given), "{given}: {plan}");
    }
    ferry.append("locals {");
    let broken = ferry.run(&["ci", "init", "github"]).expect(1);
    assert!(broken.err.contains("main.hcl"), "{}", broken.err);
}

/// What a step of Azure DevOps is given to ask the forge.
const AZURE: [(&str, &str); 9] = [
    MARKER,
    ("AZURESUBSCRIPTION_TENANT_ID", "00000000-0000-4000-8000-000000000009"),
    ("AZURESUBSCRIPTION_CLIENT_ID", "00000000-0000-4000-8000-000000000008"),
    ("SYSTEM_ACCESSTOKEN", "token"),
    ("COLLECTION", "https://forge/"),
    ("PROJECT", "project"),
    ("REPOSITORY", "db"),
    ("NUMBER", "12"),
    ("RUN", "https://forge/project/_build/results?buildId=77"),
];

#[test]
fn azure_devops_applies_nothing_before_somebody_has_to_approve() {
    let ferry = Ferry::example("quickstart");
    let runner = Runner::of_azure(&ferry, "pgferry-release.yml");
    let gates = runner.holding("Approval");
    let step = || runner.run_at(gates, &AZURE);
    let unseen = step();
    assert_eq!(
        (unseen.code, unseen.said.matches("has no approvals").count()),
        (Some(1), 2),
        "{unseen:?}"
    );
    let environments =
        [(3, "pgferry-apply"), (4, "pgferry-cutover")].map(|(id, name)| json!({ "id": id, "name": name }));
    runner.answers(
        "project/_apis/distributedtask/environments",
        &json!({ "value": environments }),
    );
    let checks = |checks: Json| {
        runner.answers(
            "project/_apis/pipelines/checks/configurations",
            &json!({ "value": checks }),
        );
        step()
    };
    let approval = json!({ "type": { "name": "Approval" } });
    assert_eq!(checks(json!([])).code, Some(1));
    assert_eq!(checks(json!([{ "type": { "name": "Task Check" } }])).code, Some(1));
    assert_eq!(
        checks(json!([{ "type": { "name": "Approval" }, "isDisabled": true }])).code,
        Some(1)
    );
    let open = checks(json!([{ "type": { "name": "Task Check" } }, approval]));
    assert_eq!(open.code, Some(0), "{open:?}");
}

#[test]
fn azure_devops_comments_once_and_compares_a_release_with_it() {
    let ferry = Ferry::example("quickstart");
    let (marker, user) = (MARKER.1, "11111111-aaaa-4aaa-8aaa-111111111111");
    let threads = "project/_apis/git/repositories/db/pullRequests/12/threads";
    let comment = |id: u32, whose: &str, text: &str, at: &str| {
        let first = json!({ "id": 1, "author": { "id": whose }, "content": text, "lastContentUpdatedDate": at });
        json!({ "id": id, "comments": [first] })
    };
    let early = "2026-11-29T10:00:00.1Z";

    let runner = Runner::of_azure(&ferry, "pgferry-plan.yml").for_real();
    let mut given = AZURE.to_vec();
    given.extend([("COMMIT", HEAD), ("REASON", "PullRequest")]);
    runner.answers("_apis/connectionData", &json!({ "authenticatedUser": { "id": user } }));
    let theirs = comment(7, "eve", &format!("{marker}\nmine"), early);
    runner.answers(threads, &json!({ "value": [theirs, { "id": 8, "comments": [] }] }));
    let first = runner.holding("END_OF_SCRIPT");
    let said = runner.run_at(first, &given);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(runner.kept("asked").ends_with(&format!("POST {threads}\n")));
    runner.answers(
        threads,
        &json!({ "value": [theirs, comment(9, user, &format!("{marker}\nbefore"), early)] }),
    );
    assert_eq!(runner.run_at(first, &given).code, Some(0));
    assert!(
        runner
            .kept("asked")
            .ends_with(&format!("PATCH {threads}/9/comments/1\n"))
    );
    assert!(runner.kept("body").contains("being planned"));
    let planned = runner.run("Plan", &given);
    assert!(planned.said.contains("variable=code]2"), "{planned:?}");
    let told = runner.run_at(runner.holding("told.md"), &given);
    assert_eq!(told.code, Some(0), "{told:?}");
    let body: Json = serde_json::from_str(&runner.kept("body")).unwrap();
    let body = body["content"].as_str().unwrap().to_owned();
    let plan: Json = serde_json::from_str(&runner.kept("plan.json")).unwrap();
    let fingerprint = plan["pgferry"]["fingerprint"].as_str().unwrap().to_owned();
    let line = format!("{marker}\n<!-- pgferry commit={HEAD} fingerprint={fingerprint} -->\n");
    assert!(body.starts_with(&line) && body.contains("wave1"), "{body}");

    let runner = Runner::of_azure(&ferry, "pgferry-release.yml");
    let compare = runner.holding("pullrequestquery");
    let compared = |now: &str| {
        let mut given = AZURE.to_vec();
        given.extend([("COMMIT", MERGE), ("FINGERPRINT", now)]);
        let step = runner.run_at(compare, &given);
        assert_eq!(step.code, Some(0), "{step:?}");
        runner.kept("review.md")
    };
    runner.answers(threads, &json!({ "value": [theirs, comment(9, user, &body, early)] }));
    let pulls = "project/_apis/git/repositories/db/pullrequestquery";
    runner.answers(pulls, &json!({ "results": [{}] }));
    assert!(compared(&fingerprint).contains("NOT reviewed: no pull request"));
    let pull = json!({
        "pullRequestId": 12, "lastMergeSourceCommit": { "commitId": HEAD }, "closedDate": "2026-11-29T11:00:00.1234567Z",
    });
    runner.answers(pulls, &json!({ "results": [{ MERGE: [pull] }] }));
    let same = compared(&fingerprint);
    assert!(
        same.contains(&format!("The same as the plan in !12: {fingerprint}.")),
        "{same}"
    );
    let other = compared("0123456789abcdef0123456789abcdef");
    assert!(other.contains("NOT what was reviewed: in !12 it was"), "{other}");
    runner.answers(threads, &json!({ "value": [comment(9, "eve", &body, early)] }));
    assert!(compared(&fingerprint).contains("NOT reviewed: there is no plan in !12"));
}
