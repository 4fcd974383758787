//! Where values of variables come from, and what becomes of those that nobody gives.

use super::*;
use crate::block::Literal;

const DECLARED: &str =
    "variable \"v\" {\n  type    = any\n  default = \"default\"\n}\noutput \"x\" { value = var.v }\n";

fn value(files: &[(&str, &str)], supplied: &Supplied) -> String {
    let (sources, folded) = run(files, supplied);
    let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
    format!("{:?}", folded.outputs[0].value)
}

#[test]
fn the_strongest_source_of_a_value_wins() {
    let mut files = vec![("main.hcl", DECLARED)];
    let mut given = supplied(&[]);
    assert_eq!(value(&files, &given), "\"default\"");
    given.environment.insert("v".into(), "\"environment\"".into());
    assert_eq!(value(&files, &given), "\"environment\"");
    files.push(("pgferry.vars.hcl", "v = \"plain\""));
    assert_eq!(value(&files, &given), "\"plain\"");
    files.push(("b.auto.vars.hcl", "v = \"b\""));
    files.push(("c.auto.vars.hcl", "v = [\"c\"]"));
    assert_eq!(value(&files, &given), "[\"c\"]");
    given.assignments.push(Assignment::Value {
        name: "v".into(),
        text: "{ a = 1 }".into(),
    });
    assert_eq!(value(&files, &given), "{\"a\": 1}");
}

#[test]
fn a_named_file_and_a_value_count_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prod.vars.hcl");
    std::fs::write(&path, "v = \"file\"\n").unwrap();
    let assigned = Assignment::Value {
        name: "v".into(),
        text: "\"value\"".into(),
    };
    let files = [("main.hcl", DECLARED)];
    let mut given = supplied(&[]);
    given.assignments = vec![assigned.clone(), Assignment::File(path.clone())];
    assert_eq!(value(&files, &given), "\"file\"");
    given.assignments.reverse();
    assert_eq!(value(&files, &given), "\"value\"");
    given.assignments = vec![Assignment::File(path.with_file_name("none.vars.hcl"))];
    let (_, found) = run(&files, &given);
    assert!(
        found
            .unwrap_err()
            .iter()
            .any(|found| found.detail.as_deref().unwrap().contains("no file"))
    );
}

#[test]
fn a_text_is_taken_as_its_type_says() {
    let typed = |ty: &str, text: &str| {
        let file = format!("variable \"v\" {{ type = {ty} }}\noutput \"x\" {{ value = var.v }}\n");
        value(&[("main.hcl", &file)], &supplied(&[("v", text)]))
    };
    assert_eq!(typed("string", "[1]"), "\"[1]\"");
    assert_eq!(typed("number", "12345678901234567890"), "12345678901234567890");
    assert_eq!(typed("bool", "true"), "true");
    assert_eq!(typed("list(number)", "[1, \"2\"]"), "[1, 2]");
    assert_eq!(
        typed("object({ a = string, b = optional(number, 5) })", "{ a = 1, c = 2 }"),
        "{\"a\": \"1\", \"b\": 5}"
    );
    assert_eq!(typed("map(string)", "{}"), "{}");
}

#[test]
fn what_is_given_for_nothing_is_told() {
    let given = Supplied {
        environment: BTreeMap::from([("other".to_owned(), "x".to_owned())]),
        ..supplied(&[("w", "1")])
    };
    let files = [("main.hcl", DECLARED), ("a.auto.vars.hcl", "u = 1\nb {}\n")];
    let (sources, found) = run(&files, &given);
    insta::assert_snapshot!(rendered(&sources, found.unwrap_err()), @r"
    C043 block among variable values @ 2:1 `b`: this file only holds values: `name = value`
    ");
    let files = [("main.hcl", DECLARED), ("a.auto.vars.hcl", "u = 1\n")];
    let (sources, found) = run(&files, &given);
    insta::assert_snapshot!(rendered(&sources, found.unwrap_err()), @r#"
    warning C041 undeclared variable @ 1:1 `u`: no `variable` block declares this
      hint: did you mean `v`?
      hint: to use it, declare it: variable "u" {}
    C041 undeclared variable
      `--var w=…` is given, but no `variable` block declares `w`.
      hint: did you mean `v`?
      hint: to use it, declare it: variable "w" {}
    "#);
}

#[test]
fn an_unset_secret_is_what_the_run_can_bear() {
    let files = [(
        "main.hcl",
        "variable \"password\" {\n  type      = string\n  sensitive = true\n}\nsource \"a\" { password = var.password }\n",
    )];
    let with = |unset_sensitive| {
        let given = Supplied {
            unset_sensitive,
            ..supplied(&[])
        };
        run(&files, &given).1
    };
    let password = |folded: Folded| folded.blocks[0].body.attributes["password"].clone();
    let unknown = password(with(UnsetSensitive::Unknown).unwrap());
    assert!(unknown.value.is_unknown() && unknown.value.marks.sensitive);
    assert_eq!(unknown.literal, Literal::Derived);
    let made_up = password(with(UnsetSensitive::MadeUp).unwrap());
    assert!(made_up.value.as_text().is_some() && made_up.value.marks.sensitive);
    let refused = with(UnsetSensitive::Refuse).unwrap_err();
    assert!(
        refused
            .iter()
            .any(|found| found.code == crate::lang::code::VARIABLE_UNSET)
    );
}

/// All that is said of a problem.
fn without_places(found: &Diagnostic) -> String {
    let marks = found.primary.iter().chain(&found.others).map(|mark| mark.text.as_str());
    let texts = found.detail.iter().chain(&found.hints).map(String::as_str);
    marks.chain(texts).chain([found.summary.as_str()]).collect()
}

#[test]
fn no_error_quotes_a_secret() {
    let declared = "variable \"password\" {\n  type      = number\n  sensitive = true\n}\n";
    for file in [
        "password = \"hunter2\" * 1\n",
        "password = \"hunter2\"\n",
        "password = [\"hunter2\"]\n",
    ] {
        let (sources, found) = run(&[("main.hcl", declared), ("a.auto.vars.hcl", file)], &supplied(&[]));
        let found = found.unwrap_err();
        let said: Vec<String> = found.iter().map(without_places).collect();
        assert!(!said.concat().contains("hunter2"), "{said:?}");
        // The place is that of the value, and nothing there is shown.
        let place = found.iter().find_map(|found| found.primary.clone()).unwrap().span;
        assert!(sources.file(place.file).unwrap().name == "a.auto.vars.hcl", "{said:?}");
        assert!(found.iter().all(|found| found.at_a_secret), "{said:?}");
    }
    // Nor is what is given for a variable that nobody marked.
    let plain = "variable \"password\" {}\n";
    for file in [
        "password = hunter2\n",
        "password = { a = hunter2 }\n",
        "password = hunter2.hunter2\n",
        "password = \"hunter2\" * 1\n",
        "password = hunter2(1)\n",
        "password = [{ a = 1 }][\"hunter2\"]\n",
        "password = { a = hunter2\n",
        "password = hunter2 hunter2\n",
    ] {
        let (sources, found) = run(&[("main.hcl", plain), ("a.auto.vars.hcl", file)], &supplied(&[]));
        let found = found.unwrap_err();
        let said: Vec<String> = found.iter().map(without_places).collect();
        assert!(!said.concat().contains("hunter2"), "{said:?}");
        let place = found.iter().find_map(|found| found.primary.clone()).unwrap().span;
        assert_eq!(sources.line(place), None);
    }
    let (sources, found) = run(&[("main.hcl", declared)], &supplied(&[("password", "hunter2")]));
    let found = found.unwrap_err();
    assert!(
        found
            .iter()
            .all(|found| found.at_a_secret && !without_places(found).contains("hunter2"))
    );
    let place = found.iter().find_map(|found| found.primary.clone()).unwrap().span;
    assert_eq!(sources.file(place.file).unwrap().name, "<value of --var password>");
    // A file that cannot be parsed is not quoted line by line either.
    let (sources, found) = run(
        &[("main.hcl", declared), ("a.auto.vars.hcl", "password = \"hunter2\n")],
        &supplied(&[]),
    );
    let found = found.unwrap_err();
    let place = found.iter().next().unwrap().primary.as_ref().unwrap().span;
    assert_eq!(sources.line(place), None);
}

#[test]
fn what_still_needs_a_value_is_known_without_evaluating_anything() {
    let text = r#"
variable "given" {}
variable "preset" { default = 1 }
variable "region" { description = "Where everything lives." }
variable "password" { sensitive = true }
"#;
    let mut sources = Sources::from_texts([("main.hcl", text)]);
    let configuration = parse(&mut sources).unwrap();
    let inputs = Inputs::gather(&mut sources, &supplied(&[("given", "1")])).unwrap();
    let missing = crate::config::unset(&configuration, &inputs);
    let missing: Vec<_> = missing
        .iter()
        .map(|unset| (&*unset.name, unset.description.as_deref(), unset.sensitive))
        .collect();
    assert_eq!(
        missing,
        [
            ("region", Some("Where everything lives."), false),
            ("password", None, true)
        ]
    );
}

#[test]
fn what_must_not_be_shown_is_known_although_the_configuration_does_not_hold() {
    let text = r#"
variable "password" { sensitive = true }
variable "tokens" {
  type      = map(list(string))
  sensitive = true
}
variable "later" { sensitive = true }
variable "region" {}
nonsense "x" { name = var.nowhere }
"#;
    let given = [
        ("password", "hunter2"),
        ("tokens", "{ a = [\"one\", \"two\"] }"),
        ("region", "westeurope"),
    ];
    let supplied = supplied(&given);
    assert!(run(&[("main.hcl", text)], &supplied).1.is_err());
    let mut sources = Sources::from_texts([("main.hcl", text)]);
    let configuration = parse(&mut sources).unwrap();
    let inputs = Inputs::gather(&mut sources, &supplied).unwrap();
    let found = crate::config::sensitive(&configuration, &inputs);
    let found: Vec<&str> = found.iter().map(crate::secret::Secret::expose).collect();
    assert_eq!(found, ["hunter2", "one", "two"]);
}

#[test]
fn what_is_meant_for_terraform_gives_no_value_but_a_hint() {
    let mut supplied = supplied(&[]);
    supplied.meant_for_terraform.insert("region".to_owned());
    let (sources, folded) = run(
        &[(
            "main.hcl",
            "variable \"region\" {}\noutput \"x\" { value = var.region }\n",
        )],
        &supplied,
    );
    let text = rendered(&sources, folded.unwrap_err());
    assert!(
        text.contains("hint: TF_VAR_region is set, but only PGFERRY_VAR_region is read"),
        "{text}"
    );
}

#[test]
fn what_is_ephemeral_goes_to_secrets_and_through_whatever_says_so() {
    let files = [
        (
            "main.hcl",
            r#"
azure { location = var.place }
variable "place" {
  ephemeral = true
  default   = "germanywestcentral"
}
variable "password" { ephemeral = true }
locals { password = upper(var.password) }
module "erp" {
  source   = "./erp"
  password = local.password
}
source "erp" { password = "${module.erp.password}!" }
output "without" { value = ephemeralasnull({ password = module.erp.password, n = 1 }) }
"#,
        ),
        (
            "erp/main.hcl",
            r#"
variable "password" { ephemeral = true }
output "password" {
  value     = var.password
  ephemeral = true
}
"#,
        ),
    ];
    let (sources, folded) = run(&files, &supplied(&[("password", "hunter2")]));
    let folded = folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)));
    let password = &folded.blocks[0].body.attributes["password"].value;
    assert_eq!(password.as_text(), Some("HUNTER2!"));
    assert!(password.marks.ephemeral && password.marks.sensitive);
    let shown = format!("{:?}", folded.outputs[0].value);
    assert_eq!(shown, r#"{"n": 1, "password": null}"#);
}

/// As in Terraform; what says neither is refused, and never taken for no.
#[test]
fn a_text_may_say_true_and_nothing_else_counts_as_false() {
    let (_, folded) = run(
        &[("main.hcl", "output \"x\" {\n  value = 1\n  sensitive = \"true\"\n}\n")],
        &supplied(&[]),
    );
    assert!(folded.unwrap().outputs[0].sensitive);
    insta::assert_snapshot!(
        found("variable \"v\" {\n  nullable = \"no\"\n}\noutput \"x\" {\n  value = var.v\n  sensitive = 1\n}\n"),
        @r#"
    C035 wrong type @ 2:14 `"no"`: `true` or `false` is required
    C035 wrong type @ 6:15 `1`: `true` or `false` is required
    "#
    );
}
