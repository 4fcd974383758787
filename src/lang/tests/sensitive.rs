//! What is said about values that must not be shown.

use super::*;

/// The one text that nothing may show.
const HIDDEN: &str = "hunter2";

fn complaint(text: &str) -> String {
    let value = syntax::expression(FileId(0), text).and_then(|expr| constant(&expr));
    let found = value.err().unwrap_or_else(|| panic!("{text} has a value"));
    words(&found)
}

fn refused_without_showing(expressions: &[&str]) {
    for text in expressions {
        let said = complaint(text);
        assert!(!said.contains(HIDDEN), "{text}: {said}");
    }
}

#[test]
fn what_a_loop_walks_stays_sensitive_in_every_turn() {
    refused_without_showing(&[
        "{ for v in sensitive([\"hunter2\", \"hunter2\"]) : v => 1 }",
        "[for v in sensitive([\"hunter2\"]) : { a = 1 }[v]]",
        "[for v in sensitive([\"hunter2\"]) : v.x]",
        "[for k, v in sensitive({ hunter2 = 1 }) : k.x]",
        "[for v in sensitive(toset([\"hunter2\"])) : v.x]",
        "[for v in sensitive([[\"hunter2\"]]) : [for w in v : w.x]]",
        "sensitive([\"hunter2\"])[*].x",
        "sensitive([{ a = \"hunter2\" }])[*].a.x",
        "\"%{ for v in sensitive([\"hunter2\"]) }${{ a = 1 }[v]}%{ endfor }\"",
    ]);
}

#[test]
fn a_function_that_fails_quotes_nothing_sensitive() {
    refused_without_showing(&[
        "lookup({ a = 1 }, sensitive(\"hunter2\"))",
        "lookup(sensitive({ hunter = 1 }), \"hunter2\")",
        "csvdecode(sensitive(\"a,a\\nhunter2\"))",
        "csvdecode(sensitive(\"hunter2,hunter2\\n1,2\"))",
        "jsondecode(sensitive(\"hunter2\"))",
        "transpose({ (sensitive(\"hunter2\")) = 1 })",
        "tolist([{ a = sensitive(\"hunter2\") }, 1])",
        "tomap({ (sensitive(\"hunter2\")) = 1, b = [] })",
        "format(\"%d\", sensitive(\"hunter2\"))",
        "index([1], sensitive(\"hunter2\"))",
        "parseint(sensitive(\"hunter2\"), 10)",
        "regex(\"a(\", sensitive(\"hunter2\"))",
        "regex(sensitive(\"hunter2(\"), \"\")",
        "formatdate(sensitive(\"'hunter2\"), \"2020-01-01T00:00:00Z\")",
        "file(sensitive(\"hunter2\"))",
        "filebase64(sensitive(\"hunter2\"))",
        "filemd5(sensitive(\"hunter2\"))",
        "filesha256(sensitive(\"hunter2\"))",
        "fileexists(sensitive(\"hunter2\"))",
        "templatefile(sensitive(\"hunter2\"), {})",
        "max(sensitive([\"hunter2\"])...)",
        "tobool(sensitive(\"hunter2\"))",
        "true ? sensitive({ hunter2 = 1 }) : tomap({ a = [] })",
    ]);
}

#[test]
fn a_sensitive_number_is_not_quoted_either() {
    for text in [
        "cidrhost(\"10.0.0.0/24\", sensitive(4711))",
        "cidrsubnet(\"10.0.0.0/24\", sensitive(4711), 1)",
        "cidrsubnet(\"10.0.0.0/24\", 8, sensitive(4711))",
        "cidrsubnets(\"10.0.0.0/24\", sensitive(4711))",
        "[1, 2][sensitive(4711)]",
        "sensitive([1, 2])[4711]",
    ] {
        let said = complaint(text);
        assert!(!said.contains("4711"), "{text}: {said}");
    }
}
