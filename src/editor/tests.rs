//! A cursor is `|` in the texts.

use std::collections::BTreeMap;

use super::*;
use crate::lang::Value;

const OTHER: &str = "variable \"region\" {\n  description = \"Where.\"\n}\nvariable \"pw\" {\n  sensitive = true\n}\nlocals {\n  \
                     zones = [\"a\"]\n}\nnetwork \"hub\" {\n  name = \"vnet\"\n}\ndns_zone \"z\" {\n  name = \"a.b\"\n}\n";

const MODULE: &str = "variable \"size\" {\n  default = 1\n}\nvariable \"host\" {\n  description = \"Its name.\"\n}\noutput \"id\" {\n  \
                      value = var.host\n}\n";

fn at(text: &str) -> (Project, usize) {
    let offset = text.find('|').unwrap();
    let files = [
        ("main.hcl".to_owned(), text.replacen('|', "", 1)),
        ("other.hcl".to_owned(), OTHER.to_owned()),
    ];
    let module = [("modules/eu/main.hcl".to_owned(), MODULE.to_owned())];
    (Project::of(files).with_modules(module), offset)
}

fn labels(text: &str) -> Vec<String> {
    let (project, offset) = at(text);
    complete(&project, 0, offset)
        .into_iter()
        .map(|item| item.label)
        .collect()
}

/// The text after the item of that label was taken.
fn taken(text: &str, label: &str) -> String {
    let (project, offset) = at(text);
    let item = complete(&project, 0, offset)
        .into_iter()
        .find(|item| item.label == label)
        .unwrap();
    let mut text = project.files[0].text.clone();
    text.replace_range(item.range, &item.insert);
    text
}

#[test]
fn blocks_are_offered_where_blocks_begin() {
    let labels = labels("net|\n");
    for name in ["network", "azure", "variable", "database_batch"] {
        assert!(labels.iter().any(|label| label == name), "{labels:?}");
    }
    assert!(!labels.iter().any(|label| label == "meta"));
    assert_eq!(taken("net|\n", "network"), "network \"\" {\n}\n");
}

#[test]
fn arguments_that_must_be_given_come_first_and_those_that_are_not_at_all() {
    let labels = labels("source \"x\" {\n  host = \"h\"\n  |\n}\n");
    assert_eq!(labels[..3], ["type", "username", "password"]);
    assert!(!labels.contains(&"host".to_owned()));
    assert!(labels.contains(&"connect".to_owned()) && labels.contains(&"lifecycle".to_owned()));
    assert!(labels.contains(&"for_each".to_owned()));
}

#[test]
fn nested_blocks_have_their_own_arguments() {
    assert_eq!(
        labels("source \"x\" {\n  connect {\n    |\n  }\n}\n"),
        ["host", "port", "ssl_mode", "root_certificates", "service"]
    );
    assert_eq!(
        labels("source \"x\" {\n  dynamic \"connect\" {\n    for_each = []\n    content {\n      |\n    }\n  }\n}\n"),
        ["host", "port", "ssl_mode", "root_certificates", "service"]
    );
    assert_eq!(
        labels("source \"x\" {\n  timeouts { | }\n}\n"),
        ["create", "update", "delete"]
    );
}

#[test]
fn allowed_words_are_offered_with_and_without_quotes() {
    let text = "source \"x\" {\n  ssl_mode = |\n}\n";
    assert_eq!(labels(text)[..2], ["prefer", "require"]);
    assert_eq!(taken(text, "require"), "source \"x\" {\n  ssl_mode = \"require\"\n}\n");
    let text = "source \"x\" {\n  ssl_mode = \"pre|\"\n}\n";
    assert_eq!(taken(text, "require"), "source \"x\" {\n  ssl_mode = \"require\"\n}\n");
}

#[test]
fn references_of_all_files_are_offered() {
    assert_eq!(labels("locals {\n  a = var.|\n}\n"), ["region", "pw"]);
    assert_eq!(labels("locals {\n  a = \"${local.|}\"\n}\n"), ["a", "zones"]);
    assert_eq!(labels("source \"x\" {\n  network = |\n}\n")[0], "network.hub");
    assert_eq!(labels("source \"x\" {\n  password = |\n}\n")[0], "var.pw");
    assert_eq!(labels("locals {\n  a = network.|\n}\n"), ["hub"]);
    assert_eq!(
        labels("locals {\n  a = network.hub.|\n}\n")[..2],
        ["id", "address_space"]
    );
    assert!(labels("locals {\n  a = [for x in up|\n}\n").contains(&"upper".to_owned()));
    assert_eq!(
        labels("network \"n\" {\n  for_each = {}\n  name = each.|\n}\n"),
        ["key", "value"]
    );
}

#[test]
fn nothing_is_offered_in_comments_labels_and_texts() {
    for text in [
        "# |\n",
        "network \"|\" {\n}\n",
        "locals {\n  a = \"x|\"\n}\n",
        "locals {\n  a = [ # |\n  ]\n}\n",
    ] {
        assert_eq!(labels(text), Vec::<String>::new(), "{text}");
    }
}

fn hovered(text: &str) -> Option<String> {
    let (project, offset) = at(text);
    let constants = || [("zones".into(), Value::tuple(vec![Value::text("a")]))].into();
    hover(&project, 0, offset, &constants).map(|(text, _)| text)
}

#[test]
fn what_is_pointed_at_is_explained() {
    let said = |text: &str, part: &str| {
        let hovered = hovered(text).unwrap_or_default();
        assert!(hovered.contains(part), "{text}: {hovered}");
    };
    said("net|work \"a\" {\n}\n", "An existing virtual network");
    said("source \"a\" {\n  ssl_m|ode = \"prefer\"\n}\n", "`verify_full`");
    said("source \"a\" {\n  conn|ect {\n  }\n}\n", "How pgferry itself");
    said("source \"a\" {\n  depends|_on = []\n}\n", "every resource");
    said("locals {\n  a = up|per(\"x\")\n}\n", "upper(");
    said("locals {\n  a = var.reg|ion\n}\n", "Where.");
    said("locals {\n  a = local.zon|es\n}\n", "[\n  \"a\",\n]");
    said("locals {\n  a = network.h|ub.id\n}\n", "network.hub");
    said("locals {\n  a = network.hub.i|d\n}\n", "ARM id");
    assert_eq!(hovered("locals {\n  a = nothing.h|ere\n}\n"), None);
}

#[test]
fn references_lead_to_what_they_name() {
    let target = |text: &str| {
        let (project, offset) = at(text);
        let target = definition(&project, 0, offset)?;
        Some(
            project.files[target.file].text[target.range.start..]
                .lines()
                .next()?
                .to_owned(),
        )
    };
    assert_eq!(
        target("locals {\n  a = var.reg|ion\n}\n").as_deref(),
        Some("region\" {")
    );
    assert_eq!(
        target("locals {\n  a = lo|cal.zones\n}\n").as_deref(),
        Some("zones = [\"a\"]")
    );
    assert_eq!(
        target("locals {\n  a = \"${network.hub|.id}\"\n}\n").as_deref(),
        Some("hub\" {")
    );
    assert_eq!(target("locals {\n  a = var.noth|ing\n}\n"), None);
}

#[test]
fn no_place_of_no_text_is_too_strange() {
    let text = format!("source \"é\" {{\n  a = \"${{var.x}}😀\n  b = [\n{OTHER}<<E\n");
    let project = Project::of([("main.hcl".to_owned(), text.clone())]);
    for offset in 0..text.len() + 9 {
        let _ = complete(&project, 0, offset);
        let _ = hover(&project, 0, offset, &BTreeMap::new);
        let _ = definition(&project, 0, offset);
    }
    assert!(complete(&project, 7, 0).is_empty());
}

#[test]
fn modules_are_followed() {
    let call = "module \"eu\" {\n  source = \"./modules/eu\"\n  SOMETHING\n}\noutput \"o\" {\n  value = ELSE\n}\n";
    let with = |argument: &str, value: &str| call.replace("SOMETHING", argument).replace("ELSE", value);
    let inputs = labels(&with("|", "1"));
    assert_eq!(inputs[..2], ["host", "size"], "what has no default comes first");
    assert!(inputs.contains(&"for_each".to_owned()) && !inputs.contains(&"source".to_owned()));
    assert_eq!(labels(&with("", "module.|")), ["eu"]);
    assert_eq!(labels(&with("", "module.eu.|")), ["id"]);
    let declared = |text: &str| {
        let (project, offset) = at(text);
        let target = definition(&project, 0, offset).unwrap();
        let file = &project.files[target.file];
        (file.name.clone(), file.text[target.range].to_owned())
    };
    let in_module = |name: &str| ("modules/eu/main.hcl".to_owned(), name.to_owned());
    assert_eq!(declared(&with("", "module.eu.i|d")), in_module("id"));
    assert_eq!(declared(&with("ho|st = 1", "1")), in_module("host"));
    // Keys choose an instance and change nothing of what it has.
    for key in ["\"a\"", "\"a.b\"", "local.keys[0]", "each.value[var.k][1]"] {
        assert_eq!(labels(&with("", &format!("module.eu[{key}].|"))), ["id"], "{key}");
        assert_eq!(
            declared(&with("", &format!("module.eu[{key}].i|d"))),
            in_module("id"),
            "{key}"
        );
    }
    assert_eq!(
        declared(&with("", "module.e|u.id")),
        ("main.hcl".to_owned(), "eu".to_owned())
    );
    let (project, offset) = at(&with("", "module.eu.i|d"));
    let (text, _) = hover(&project, 0, offset, &BTreeMap::new).unwrap();
    assert!(text.contains("output.id = var.host"), "{text}");
    // A module's own blocks are not the directory's.
    assert!(!labels(&with("", "var.|")).contains(&"host".to_owned()));
}
