//! What is wrong with a plan, or with servers, in SARIF 2.1.0, for code scanning. Results without a declaration point at the top of the
//! configuration: some readers refuse those without a place.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::problem::{Level, Places, Problem, accepted, problems};
use crate::cli::calling::Calling;
use crate::config::source::Location;
use crate::diagnostic::code;
use crate::plan::Plan;

/// The report.
pub(crate) fn document(plan: &Plan, calling: &Calling, places: &Places) -> Json {
    let mut told = problems(plan, calling, places);
    told.extend(accepted(plan, places));
    document_of(&told, places, "pgferry/plan/")
}

/// The report of problems, whatever they are about; `run` tells reports of one sort from others.
pub(crate) fn document_of(problems: &[Problem], places: &Places, run: &str) -> Json {
    let mut rules: Vec<&str> = problems.iter().map(|problem| problem.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    let results: Vec<Json> = problems.iter().map(|problem| result(problem, &rules, places)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "pgferry",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| self::rule(rule)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": run },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// What is said of a failed check, whose own words are in the configuration.
const CHECK: &str =
    "The configuration says in a `check` block what should hold, and it does not. A failed check never stops an apply.

Look at its message; mend what it is about, or the check where it asks for too much.";

/// What is said of a loss that nobody accepts.
const LOSS: &str =
    "Data that is there would be lost, and the plan is refused until the configuration says that it may be.

Where it is meant, accept it by name in `accept_loss` of the batch. Otherwise take back what brings it about.";

/// What is said of a loss that the configuration accepts.
const ACCEPTED: &str = "Data that is there will be lost, and the configuration says that it may be.

Nothing stops the apply. Where it is not meant any more, take it out of `accept_loss` of the batch.";

fn rule(id: &str) -> Json {
    let (meaning, text) = match (id, code::find(id)) {
        (Problem::CHECK, _) => ("a `check` block of the configuration does not hold", CHECK),
        (Problem::LOSS, _) => (
            "something would be lost, and nothing in the configuration accepts it",
            LOSS,
        ),
        (Problem::ACCEPTED, _) => ("something will be lost, and the configuration accepts it", ACCEPTED),
        (_, Some(known)) => (known.meaning, known.text),
        (_, None) => ("a check of the plan", "A check of the plan found something."),
    };
    // GitHub takes no rule without a full description and help.
    json!({
        "id": id,
        "shortDescription": { "text": meaning },
        "fullDescription": { "text": text.split("\n\n").next().unwrap_or(meaning).replace('\n', " ") },
        "help": { "text": text, "markdown": text },
    })
}

fn result(problem: &Problem, rules: &[&str], places: &Places) -> Json {
    let mut location = json!({});
    let mut insert = |key: &str, value: Json| {
        if let Json::Object(members) = &mut location {
            members.insert(key.to_owned(), value);
        }
    };
    if let Some(place) = problem.place.clone().or_else(|| places.top()) {
        insert("physicalLocation", physical(&place));
    }
    if let Some(subject) = &problem.subject {
        insert(
            "logicalLocations",
            json!([{ "fullyQualifiedName": subject, "kind": "resource" }]),
        );
    }
    json!({
        "ruleId": problem.rule,
        "ruleIndex": rules.iter().position(|rule| *rule == problem.rule),
        "level": match problem.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        },
        "message": { "text": problem.text() },
        "locations": [location],
        // What is the same in the next run is the same alert, wherever its lines have moved.
        "partialFingerprints": { "pgferry/v1": identity(problem) },
    })
}

fn physical(place: &Location) -> Json {
    json!({
        "artifactLocation": { "uri": uri(&place.file) },
        "region": { "startLine": place.line, "startColumn": place.column },
    })
}

fn identity(problem: &Problem) -> String {
    let subject = problem.subject.as_deref().unwrap_or_default();
    let text = [problem.rule.as_str(), subject, problem.summary.as_str()].join("\n");
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// A path as a reference of RFC 3986. One that begins at the root names a file of this machine: a reference that begins with a
/// slash would belong to whatever it is read with.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::super::problem::samples;
    use super::*;

    fn rendered() -> Json {
        let (plan, places) = samples::troubled();
        document(&plan, &Calling::of(std::path::Path::new("."), &[]), &places)
    }

    #[test]
    fn results_name_rule_level_place_and_resource() {
        let document = rendered();
        let results = document.pointer("/runs/0/results").and_then(Json::as_array).unwrap();
        let lines: Vec<String> = results
            .iter()
            .map(|result| {
                let at = |path| result.pointer(path).cloned().unwrap_or_default();
                format!(
                    "{} {} {} {}:{} {}",
                    at("/level"),
                    at("/ruleId"),
                    at("/locations/0/logicalLocations/0/fullyQualifiedName"),
                    at("/locations/0/physicalLocation/artifactLocation/uri"),
                    at("/locations/0/physicalLocation/region/startLine"),
                    at("/message/text")
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        "error" "loss" "database_batch.wave1" "live/eu/main.hcl":40 "database_batch.wave1: docs & <files> would be lost: overwritten on the target\n\nNothing in the configuration accepts this loss, so the plan cannot be applied."
        "error" "N001" "database_batch.wave1" "live/eu/main.hcl":40 "database_batch.wave1: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22\n\nOne of them needs another address space; see `pgferry status`."
        "warning" "B002" "database_batch.old" "live/eu/main.hcl":1 "database_batch.old: a batch left the configuration\n\nThis would mend it:\n\nremoved {\n  from = database_batch.old\n}"
        "warning" "check" "check.fits" "live/eu/checks.hcl":3 "check.fits: size 100%\nis too much"
        "note" "accepted-loss" "database_batch.wave1" "live/eu/main.hcl":40 "database_batch.wave1: crm will be lost: overwritten on the target\n\nIt is accepted: accept_loss: crm = \"overwrite\"."
        "#);
    }

    #[test]
    fn every_result_points_to_its_rule() {
        let document = rendered();
        let rules = document
            .pointer("/runs/0/tool/driver/rules")
            .and_then(Json::as_array)
            .unwrap();
        for result in document.pointer("/runs/0/results").and_then(Json::as_array).unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn it_has_the_published_form() {
        let mut schema: Json =
            serde_json::from_str(include_str!("../../../../schemas/third-party/sarif-2.1.0.json")).unwrap();
        // Its pattern of languages has a bracket too many, and is no regular expression for readers that are strict.
        for place in ["run", "toolComponent"] {
            schema["definitions"][place]["properties"]["language"]["pattern"] = "^[a-zA-Z]{2}".into();
        }
        let form = jsonschema::validator_for(&schema).unwrap();
        let errors = |document: &Json| -> Vec<String> {
            let told = form.iter_errors(document);
            told.map(|error| format!("{}: {error}", error.instance_path()))
                .collect()
        };
        assert_eq!(errors(&rendered()), Vec::<String>::new());
        let mut broken = rendered();
        broken["runs"][0]["results"][0]["level"] = "fatal".into();
        assert_eq!(errors(&broken).len(), 1);
    }

    #[test]
    fn every_rule_says_what_it_is_and_what_to_do() {
        let document = rendered();
        let rules = document.pointer("/runs/0/tool/driver/rules").and_then(Json::as_array);
        for rule in rules.unwrap() {
            for member in ["shortDescription", "fullDescription", "help"] {
                let text = rule[member]["text"].as_str().unwrap_or_default();
                assert!(text.len() > 20, "{member} of {rule}");
            }
        }
    }

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("live eu/ü.hcl"), "live%20eu/%C3%BC.hcl");
        assert_eq!(uri("/srv/live/main.hcl"), "file:///srv/live/main.hcl");
    }
}
