//! Diagnostics as text: the place with a caret under the expression, hints, and a line that counts. All problems of a run
//! are shown together, in the order of files and places.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

use super::layout::{clean, count, wrap};
use crate::cli::color::{ERROR, HINT, WARNING};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Mark, Severity, Span};

/// A file that diagnostics point into.
pub(crate) struct SourceText<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its content.
    pub(crate) text: &'a str,
    /// Whether its lines may be quoted.
    pub(crate) quotable: Quotable,
}

/// Whether lines of a file may be quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotable {
    /// A configuration file.
    Yes,
    /// A file of variable values may hold secrets: only the place is shown.
    No,
}

/// Finds the file of a span.
pub(crate) type Lookup<'a> = dyn Fn(FileId) -> Option<SourceText<'a>> + 'a;

/// All of them, and how many there are.
pub(crate) fn render(found: Diagnostics, files: &Lookup<'_>, width: usize) -> String {
    let sorted = found.sorted();
    let mut text = String::new();
    for diagnostic in &sorted {
        text.push_str(&one(diagnostic, files, width));
        text.push_str("\n\n");
    }
    let number = |severity| sorted.iter().filter(|found| found.severity == severity).count();
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    let mut counted = Vec::new();
    if errors > 0 {
        counted.push(format!("{ERROR}{}{ERROR:#}", count(errors, "error")));
    }
    if warnings > 0 {
        counted.push(format!("{WARNING}{}{WARNING:#}", count(warnings, "warning")));
    }
    if sorted.len() > 1 {
        text.push_str(&counted.join(", "));
        text.push('\n');
    } else {
        text.truncate(text.trim_end_matches('\n').len());
        text.push('\n');
    }
    text
}

fn one(diagnostic: &Diagnostic, files: &Lookup<'_>, width: usize) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(
        level
            .primary_title(diagnostic.summary.as_str())
            .id(diagnostic.code.as_str()),
    );
    let texts: Vec<(FileId, SourceText<'_>)> = involved(diagnostic)
        .into_iter()
        .filter_map(|file| Some((file, files(file)?)))
        .collect();
    for (file, source) in &texts {
        let marks = marks(diagnostic, *file);
        if source.quotable == Quotable::Yes && !diagnostic.at_a_secret {
            group = group.element(quoted(source, &marks));
            continue;
        }
        for (_, mark) in marks {
            let (line, column) = place(source.text, mark.span);
            group = group.element(Origin::path(source.name).line(line).char_column(column));
            if !mark.text.is_empty() {
                group = group.element(Level::NOTE.no_name().message(mark.text.as_str()));
            }
        }
    }
    if let (None, Some(mark)) = (texts.first(), &diagnostic.primary) {
        group = group.element(Level::NOTE.no_name().message(mark.text.as_str()));
    }
    for participant in diagnostic.values.iter().flatten() {
        let text = format!("{} {}", participant.traversal, clean(&participant.statement));
        group = group.element(
            Level::NOTE
                .no_name()
                .message(wrap(&text, width.saturating_sub(6)).join("\n")),
        );
    }
    if let Some(address) = &diagnostic.address {
        let others = match diagnostic.alike {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        group = group.element(Level::NOTE.with_name("in").message(format!("{address}{others}")));
    }
    if let Some(detail) = &diagnostic.detail {
        group = group.element(Level::NOTE.message(wrap(detail, width.saturating_sub(12)).join("\n")));
    }
    for hint in &diagnostic.hints {
        group = group.element(
            Level::HELP
                .with_name("hint")
                .message(wrap(hint, width.saturating_sub(12)).join("\n")),
        );
    }
    let text = Renderer::styled()
        .term_width(width)
        .error(ERROR)
        .warning(WARNING)
        .help(HINT)
        .render(&[group]);
    if texts.is_empty() {
        return without_gutter(&text);
    }
    // A file's lines may end as on Windows, which is nothing to be shown.
    text.replace("␍\n", "\n")
}

/// Beside no line of a file, the line that leads to one says nothing.
fn without_gutter(text: &str) -> String {
    let is_gutter = |line: &str| anstream::adapter::strip_str(line).to_string().trim() == "|";
    let lines: Vec<&str> = text.lines().filter(|line| !is_gutter(line)).collect();
    lines.join("\n")
}

/// The files that a diagnostic points into, the one at fault first.
fn involved(diagnostic: &Diagnostic) -> Vec<FileId> {
    let mut files: Vec<FileId> = Vec::new();
    for mark in diagnostic.primary.iter().chain(&diagnostic.others) {
        if !files.contains(&mark.span.file) {
            files.push(mark.span.file);
        }
    }
    files
}

fn marks(diagnostic: &Diagnostic, file: FileId) -> Vec<(AnnotationKind, &Mark)> {
    let primary = diagnostic.primary.iter().map(|mark| (AnnotationKind::Primary, mark));
    let others = diagnostic.others.iter().map(|mark| (AnnotationKind::Context, mark));
    primary
        .chain(others)
        .filter(|(_, mark)| mark.span.file == file)
        .collect()
}

/// Only the lines from the first to the last mark are handed over: the renderer walks through all that it is given.
fn quoted<'a>(
    source: &SourceText<'a>,
    marks: &[(AnnotationKind, &'a Mark)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let text = source.text;
    let ranges: Vec<Range<usize>> = marks.iter().map(|(_, mark)| within(text, mark.span)).collect();
    let first = ranges.iter().map(|range| range.start).min().unwrap_or_default();
    let last = ranges.iter().map(|range| range.end).max().unwrap_or_default();
    let start = text
        .get(..first)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = text
        .get(last..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| last + at);
    let lines_before = text.get(..start).map_or(0, |before| before.matches('\n').count());
    let annotations = marks.iter().zip(ranges).map(|((kind, mark), range)| {
        let annotation = kind.span(range.start - start..range.end - start);
        if mark.text.is_empty() {
            annotation
        } else {
            annotation.label(mark.text.as_str())
        }
    });
    Snippet::source(text.get(start..end).unwrap_or_default())
        .path(source.name)
        .line_start(lines_before + 1)
        .annotations(annotations)
}

/// The span, held within the text: a file may have been named by a diagnostic of another run.
pub(super) fn within(text: &str, span: Span) -> Range<usize> {
    let range = span.range();
    let boundary = |at: usize| {
        (0..=at.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0)
    };
    let start = boundary(range.start);
    start..boundary(range.end).max(start)
}

/// Line and column from one; columns count characters.
fn place(text: &str, span: Span) -> (usize, usize) {
    let before = text.get(..within(text, span).start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::code;

    const MAIN: &str = "source \"erp\" {\n  host     = \"10.1.0.4\"\n  usernäme = \"migrator\"\n}\n\nnetwork \"hub\" {}\nnetwork \"hub\" {}\n";

    fn shown(found: Diagnostics) -> String {
        let files = |file: FileId| {
            Some(match file.0 {
                0 => SourceText {
                    name: "main.hcl",
                    text: MAIN,
                    quotable: Quotable::Yes,
                },
                1 => SourceText {
                    name: "prod.vars.hcl",
                    text: "erp_password = \"hunter2\nx = 1",
                    quotable: Quotable::No,
                },
                _ => return None,
            })
        };
        anstream::adapter::strip_str(&render(found, &files, 80)).to_string()
    }

    fn span(file: u32, needle: &str) -> Span {
        let start = MAIN.find(needle).unwrap();
        Span::new(FileId(file), start..start + needle.len())
    }

    #[test]
    fn the_place_the_caret_and_the_hint_are_shown() {
        let found = Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown argument")
            .at(span(0, "usernäme"), "`source` has no argument of this name")
            .suggest("usernäme", ["username", "host"])
            .about(&"source.erp".parse().unwrap());
        insta::assert_snapshot!(shown(found.into()), @r#"
        error[C010]: unknown argument
         --> main.hcl:3:3
          |
        3 |   usernäme = "migrator"
          |   ^^^^^^^^ `source` has no argument of this name
          |
          = in: source.erp
          = hint: did you mean `username`?
        "#);
    }

    #[test]
    fn all_are_shown_in_order_and_counted() {
        let second = MAIN.rfind("network").unwrap();
        let twice = Diagnostic::error(code::DUPLICATE_BLOCK, "two blocks of one name")
            .at(Span::new(FileId(0), second..second + 13), "declared again here")
            .and_at(span(0, "network \"hub\""), "declared here first");
        let old = Diagnostic::warning(code::UNPROVEN, "obsolete argument").at(span(0, "host"), "still understood");
        insta::assert_snapshot!(shown([twice, old].into_iter().collect()), @r#"
        warning[C120]: obsolete argument
         --> main.hcl:2:3
          |
        2 |   host     = "10.1.0.4"
          |   ^^^^ still understood

        error[C012]: two blocks of one name
         --> main.hcl:7:1
          |
        6 | network "hub" {}
          | ------------- declared here first
        7 | network "hub" {}
          | ^^^^^^^^^^^^^ declared again here

        1 error, 1 warning
        "#);
    }

    #[test]
    fn a_file_of_values_is_never_quoted() {
        let found =
            Diagnostic::error(code::SYNTAX, "syntax error").at(Span::new(FileId(1), 15..23), "this text has no end");
        let text = shown(found.into());
        assert!(!text.contains("hunter2"), "{text}");
        insta::assert_snapshot!(text, @"
        error[C001]: syntax error
        --> prod.vars.hcl:1:16
         = this text has no end
        ");
    }

    #[test]
    fn without_a_place_the_words_remain() {
        let found = Diagnostic::error(code::NO_DEFAULT, "nowhere to put it")
            .detail("No `resource_group` is given, here or in the `azure` block, and an object has to live in one.");
        insta::assert_snapshot!(shown(found.into()), @"
        error[C112]: nowhere to put it
         = note: No `resource_group` is given, here or in the `azure` block, and an
                 object has to live in one.
        ");
    }

    #[test]
    fn a_span_outside_of_its_file_does_no_harm() {
        let found = Diagnostic::error(code::SYNTAX, "syntax error").at(Span::new(FileId(0), 4000..5000), "here");
        assert!(shown(found.into()).contains("syntax error"));
    }
}
