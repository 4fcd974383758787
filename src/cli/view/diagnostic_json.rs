//! Diagnostics in Terraform's JSON shape (`terraform validate -json`, format 1.0), so that what reads Terraform's reads ours. Two
//! members are our own: the stable `code`, and the text beside the place as the first sentence of `detail`.

use serde_json::{Value as Json, json};
use unicode_segmentation::UnicodeSegmentation as _;

use super::diagnostic::{Lookup, Quotable, SourceText, within};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Span};
use crate::editor::Outline;

/// The version of the shape.
const FORMAT: &str = "1.0";

/// A line may be as long as a file; more of it than this around the place helps nobody.
const LONGEST_SNIPPET: usize = 2000;

/// The answer of `validate --json`.
pub(crate) fn document(found: Diagnostics, files: &Lookup<'_>) -> Json {
    let sorted = found.sorted();
    let count = |severity| sorted.iter().filter(|found| found.severity == severity).count();
    let errors = count(Severity::Error);
    json!({
        "format_version": FORMAT,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": count(Severity::Warning),
        "diagnostics": sorted.iter().map(|found| one(found, files)).collect::<Vec<_>>(),
    })
}

/// The answer for an error that is no diagnostic of a configuration.
pub(crate) fn document_of_error(summary: &str, detail: &str) -> Json {
    json!({
        "format_version": FORMAT,
        "valid": false,
        "error_count": 1,
        "warning_count": 0,
        "diagnostics": [{ "severity": "error", "summary": summary, "detail": detail }],
    })
}

/// One diagnostic.
pub(crate) fn one(diagnostic: &Diagnostic, files: &Lookup<'_>) -> Json {
    let mut object = json!({
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "code": diagnostic.code.as_str(),
        "summary": capitalised(&diagnostic.summary),
        "detail": detail(diagnostic),
    });
    let mut insert = |key: &str, value: Json| {
        if let Json::Object(members) = &mut object {
            members.insert(key.to_owned(), value);
        }
    };
    if let Some(address) = &diagnostic.address {
        insert("address", address.to_string().into());
    }
    let Some(mark) = &diagnostic.primary else {
        return object;
    };
    let Some(source) = files(mark.span.file) else {
        return object;
    };
    let range = within(source.text, mark.span);
    insert(
        "range",
        json!({
            "filename": source.name,
            "start": position(source.text, range.start),
            "end": position(source.text, range.end),
        }),
    );
    if source.quotable == Quotable::Yes && !diagnostic.at_a_secret {
        insert("snippet", snippet(&source, mark.span, diagnostic));
    }
    object
}

/// What is said beside the place, the sentences, and the ways out.
fn detail(diagnostic: &Diagnostic) -> String {
    let mark = diagnostic.primary.as_ref().map(|mark| sentence(&mark.text));
    let hints = diagnostic.hints.iter().map(|hint| sentence(hint));
    let parts = mark.into_iter().chain(diagnostic.detail.clone()).chain(hints);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn sentence(text: &str) -> String {
    let mut text = capitalised(text);
    if text.ends_with(|c: char| c.is_alphanumeric() || "`)\"'".contains(c)) {
        text.push('.');
    }
    text
}

/// Line and column from one, byte from zero. Columns count what people see as characters, as in Terraform.
fn position(text: &str, offset: usize) -> Json {
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().graphemes(true).count() + 1;
    json!({ "line": before.matches('\n').count() + 1, "column": column, "byte": offset })
}

fn snippet(source: &SourceText<'_>, span: Span, diagnostic: &Diagnostic) -> Json {
    let text = source.text;
    let range = within(text, span);
    let before = text.get(..range.start).unwrap_or_default();
    let mut start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(range.end..).unwrap_or_default();
    let mut end = range.end + rest.find('\n').unwrap_or(rest.len());
    if end - start > LONGEST_SNIPPET {
        start = start.max(text.floor_char_boundary(range.start.saturating_sub(LONGEST_SNIPPET / 2 - 4)));
        end = end.min(text.floor_char_boundary(range.start + LONGEST_SNIPPET / 2));
    }
    let code = text.get(start..end).unwrap_or_default();
    let code = code.strip_suffix('\r').unwrap_or(code);
    let offset = |at: usize| at.saturating_sub(start).min(code.len());
    let values: Vec<Json> = diagnostic
        .values
        .iter()
        .flatten()
        .map(|value| json!({ "traversal": value.traversal, "statement": value.statement }))
        .collect();
    json!({
        "context": context(text, range.start),
        "code": code,
        "start_line": before.matches('\n').count() + 1,
        "highlight_start_offset": offset(range.start),
        "highlight_end_offset": offset(range.end),
        "values": values,
    })
}

/// The top-level block that a place lies in.
fn context(text: &str, offset: usize) -> Option<String> {
    let outline = Outline::of(text);
    let mut blocks = outline.blocks.iter();
    blocks
        .find(|block| block.whole.start <= offset && offset < block.whole.end)
        .map(|block| block.header())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{FileId, Participant, code};

    const TEXT: &str = "\u{feff}locals {\r\n  e\u{301} = \"ü${1 + var.x}\"\r\n}\r\n";

    fn files(file: FileId) -> Option<SourceText<'static>> {
        (file.0 < 2).then_some(SourceText {
            name: "main.hcl",
            text: TEXT.trim_start_matches('\u{feff}'),
            quotable: if file.0 == 0 { Quotable::Yes } else { Quotable::No },
        })
    }

    fn found(file: u32) -> Diagnostics {
        let text = TEXT.trim_start_matches('\u{feff}');
        let at = text.find("var.x").unwrap();
        Diagnostic::error(code::BAD_OPERAND, "invalid operand")
            .at(Span::new(FileId(file), at..at + 5), "`+` wants a number here")
            .hint("did you mean `y`?")
            .with_values(vec![Participant {
                traversal: "var.x".into(),
                statement: "is \"a\"".into(),
            }])
            .into()
    }

    #[test]
    fn the_shape_is_terraforms() {
        insta::assert_snapshot!(format!("{:#}", document(found(0), &files)), @r#"
        {
          "diagnostics": [
            {
              "code": "C024",
              "detail": "`+` wants a number here.\nDid you mean `y`?",
              "range": {
                "end": {
                  "byte": 32,
                  "column": 20,
                  "line": 2
                },
                "filename": "main.hcl",
                "start": {
                  "byte": 27,
                  "column": 15,
                  "line": 2
                }
              },
              "severity": "error",
              "snippet": {
                "code": "  é = \"ü${1 + var.x}\"",
                "context": "locals",
                "highlight_end_offset": 22,
                "highlight_start_offset": 17,
                "start_line": 2,
                "values": [
                  {
                    "statement": "is \"a\"",
                    "traversal": "var.x"
                  }
                ]
              },
              "summary": "Invalid operand"
            }
          ],
          "error_count": 1,
          "format_version": "1.0",
          "valid": false,
          "warning_count": 0
        }
        "#);
    }

    /// The members that Terraform 1.11.4 gave for such an error, in its order.
    #[test]
    fn every_member_of_terraforms_is_there() {
        let document = document(found(0), &files);
        let has = |place: &str, names: &[&str]| {
            let object = document.pointer(place).and_then(Json::as_object).unwrap();
            names.iter().all(|name| object.contains_key(*name))
        };
        assert!(has(
            "",
            &["format_version", "valid", "error_count", "warning_count", "diagnostics"]
        ));
        assert!(has(
            "/diagnostics/0",
            &["severity", "summary", "detail", "range", "snippet"]
        ));
        assert!(has("/diagnostics/0/range", &["filename", "start", "end"]));
        assert!(has("/diagnostics/0/range/end", &["line", "column", "byte"]));
        let snippet = [
            "context",
            "code",
            "start_line",
            "highlight_start_offset",
            "highlight_end_offset",
            "values",
        ];
        assert!(has("/diagnostics/0/snippet", &snippet));
    }

    #[test]
    fn a_file_of_values_is_never_quoted() {
        let one = document(found(1), &files);
        assert!(one.pointer("/diagnostics/0/range").is_some());
        assert_eq!(one.pointer("/diagnostics/0/snippet"), None);
    }

    #[test]
    fn an_endless_line_is_cut_to_what_is_around_the_place() {
        let text = format!("locals {{\n  a = [{}]\n}}\n", "\"é\", ".repeat(100_000));
        let at = text.len() / 2;
        let source = |_: FileId| {
            Some(SourceText {
                name: "a.hcl",
                text: &text,
                quotable: Quotable::Yes,
            })
        };
        let at = text.floor_char_boundary(at);
        let found = Diagnostic::error(code::SYNTAX, "x").at(Span::new(FileId(0), at..at + 1), "here");
        let one = one(&found, &source);
        let code = one.pointer("/snippet/code").and_then(Json::as_str).unwrap();
        assert!(code.len() <= LONGEST_SNIPPET);
    }
}
