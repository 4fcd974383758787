//! The commands around the language: what they print, for people and for programs.

use serde_json::Value as Json;

use crate::support::Ferry;

const WRONG: &str = "azure {\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n}\nvariable \"s\" {\n  sensitive = true\n  \
                     default = null\n}\nlocals {\n  l = [1, 2]\n  d = local.l + 1\n}\noutput \"o\" {\n  value = cidrsubnet(\"x\", length(local.l), 1)\n}\n";

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn validate_answers_in_terraforms_shape() {
    let ferry = Ferry::of(WRONG);
    let answer = ferry.run(&["validate", "--json"]).expect(1);
    assert_eq!(answer.err, "");
    let document = json(&answer.out);
    assert_eq!(document["format_version"], "1.0");
    assert_eq!(document["valid"], false);
    assert_eq!(document["error_count"], 2);
    let first = &document["diagnostics"][0];
    assert_eq!(first["snippet"]["context"], "locals");
    assert_eq!(first["snippet"]["code"], "  d = local.l + 1");
    assert_eq!(first["snippet"]["values"][0]["traversal"], "local.l");
    assert_eq!(first["snippet"]["values"][0]["statement"], "is tuple with 2 elements");
    assert_eq!(first["range"]["start"]["line"], 10);
    assert_eq!(first["range"]["start"]["column"], 7);
    let ferry = Ferry::example("quickstart");
    let document = json(&ferry.run(&["validate", "--json"]).expect(0).out);
    assert_eq!(document["valid"], true);
    assert_eq!(document["diagnostics"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_read_is_a_document_too() {
    let ferry = Ferry::of("");
    std::fs::write(ferry.path("main.hcl"), b"\xff").unwrap();
    let document = json(&ferry.run(&["validate", "--json"]).expect(1).out);
    assert_eq!(document["error_count"], 1);
    assert!(
        document["diagnostics"][0]["summary"]
            .as_str()
            .unwrap()
            .contains("UTF-8"),
        "{document}"
    );
}

#[test]
fn the_values_that_took_part_are_shown_and_secrets_are_not() {
    let ferry = Ferry::of(&format!(
        "{WRONG}variable \"erp_password\" {{\n  sensitive = true\n}}\nlocals {{\n  x = var.erp_password * 2\n}}\n"
    ));
    let answer = ferry.run(&["validate"]).expect(1);
    assert!(
        answer.err.contains("local.l is tuple with 2 elements"),
        "{}",
        answer.err
    );
    assert!(
        answer.err.contains("var.erp_password has a sensitive value"),
        "{}",
        answer.err
    );
    assert!(!answer.err.contains(crate::support::PASSWORD), "{}", answer.err);
}

#[test]
fn the_reference_needs_no_project() {
    let ferry = Ferry::of("");
    std::fs::remove_file(ferry.path("main.hcl")).unwrap();
    assert!(ferry.run(&["kinds"]).expect(0).out.contains("database_batch"));
    assert!(
        ferry
            .run(&["kinds", "network"])
            .expect(0)
            .out
            .contains("An existing virtual network.")
    );
    assert_eq!(
        json(&ferry.run(&["kinds", "source", "--json"]).expect(0).out)["name"],
        "source"
    );
    assert!(
        ferry
            .run(&["kinds", "sorce"])
            .expect(1)
            .err
            .contains("did you mean `source`?")
    );
    assert!(ferry.run(&["explain", "c104"]).expect(0).out.starts_with("C104: "));
    assert!(ferry.run(&["explain"]).expect(0).out.contains("\nC010  "));
    assert!(ferry.run(&["explain", "C100"]).expect(1).err.contains("did you mean"));
    let schema = ferry.run(&["schema", "configuration"]).expect(0).out;
    assert_eq!(schema, include_str!("../../schemas/pgferry/configuration.json"));
}

/// `script` puts a terminal in front of a command; it belongs to every Debian system.
#[test]
fn variables_without_a_value_are_asked_for_on_a_terminal_only() {
    let ferry = Ferry::of(
        "variable \"region\" {\n  type        = string\n  description = \"Where everything lives.\"\n}\noutput \"o\" {\n  value = \
         \"${var.region}!\"\n}\n",
    );
    let questions = "westeurope\nvar.region\nexit\n";
    let asked = ferry.on_a_terminal(questions, "console");
    for part in [
        "var.region",
        "Where everything lives.",
        "Enter a value: ",
        "\"westeurope\"",
    ] {
        assert!(asked.out.contains(part), "{}", asked.out);
    }
    for answer in [
        ferry.on_a_terminal(questions, "--input=false console"),
        ferry.run_fed(questions, &["console"]),
    ] {
        let said = answer.all();
        assert!(said.contains("variable without a value"), "{said}");
        assert!(!said.contains("Enter a value"), "{said}");
    }
}

/// What a condition says of values that Azure tells is judged before anything is changed, and stops only what it stands in.
#[test]
fn conditions_are_judged_with_what_azure_tells() {
    let condition = |kind: &str, condition: &str| {
        format!(
            "network  = network.target\n\n  lifecycle {{\n    {kind} {{\n      condition     = {condition}\n      error_message = \"Not as \
             it should be.\"\n    }}\n  }}\n}}\n\nruntime_server"
        )
    };
    let with = |kind: &str, text: &str| {
        let ferry = Ferry::example("quickstart");
        ferry.edit(
            "network        = network.target\n}\n\nruntime_server",
            &condition(kind, text),
        );
        ferry
    };
    let holds = with("postcondition", "endswith(self.fqdn, \".postgres.database.azure.com\")");
    let _ = holds.run(&["validate"]).expect(0);
    let _ = holds.run(&["plan"]).expect(0);
    for (kind, text) in [
        ("postcondition", "self.fqdn == \"elsewhere\""),
        ("precondition", "network.target.name == \"elsewhere\""),
    ] {
        let ferry = with(kind, text);
        for command in [&["plan"] as &[&str], &["apply", "--auto-approve"]] {
            let answer = ferry.run(command);
            let said = answer.all();
            assert_eq!(answer.code, 1, "{said}");
            for part in [
                &format!("{kind} does not hold"),
                "Not as it should be.",
                "target.erp",
                "main.hcl:",
            ] {
                assert!(said.contains(part), "`{part}` is missing:\n{said}");
            }
        }
        assert_eq!(ferry.writes(), Vec::<String>::new());
    }
}
