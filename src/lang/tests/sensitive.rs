//! What is said about values that must not be shown.

use super::*;

/// The one text that nothing may show.
const HIDDEN: &str = "hunter2";

/// Everything that a failing expression has people read, but for the place it points at.
fn complaint(text: &str) -> String {
    let value = syntax::expression(FileId(0), text).and_then(|expr| constant(&expr));
    let found = value.err().unwrap_or_else(|| panic!("{text} has a value"));
    format!("{found:?}")
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
