//! What a program is told where a command fails: whoever asked for JSON gets diagnostics, whatever the command was to say instead,
//! and whoever asked for SARIF gets what is wrong with a configuration. A plan's Markdown, JUnit report and page say that there is none,
//! and why: a comment on a pull request is what people read. The text for people goes to standard error all the same.

use std::path::Path;

use clap::ArgMatches;

use super::calling::Calling;
use super::error::{CommandError, Report};
use super::project::{Refused, source_text};
use super::renderings::Destination;
use super::ui::Ui;
use super::view::diagnostic_json::{document, document_of_error};
use super::view::layout::clean;
use super::view::plan::problem::{Level, Places, Problem};
use super::view::plan::{html, junit, markdown, sarif};
use crate::diagnostic::{Diagnostic, Severity};

/// Writes what was found in the formats that the command line asks for.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(
    error: &CommandError,
    matches: &ArgMatches,
    directory: &Path,
    calling: &Calling,
    ui: &Ui,
) -> Result<(), CommandError> {
    let mut inner = matches;
    while let Some((_, deeper)) = inner.subcommand() {
        inner = deeper;
    }
    let refused = if let CommandError::Configuration { refused, .. } = error {
        Some(refused.as_ref())
    } else {
        None
    };
    // One document is all that a reader expects, and what was found out before the failure is worth more.
    if refused.is_none() && ui.has_answered() {
        return Ok(());
    }
    let report = error.report();
    let problems = match refused {
        Some(refused) => problems(refused, directory),
        None => vec![problem_of(&report, calling)],
    };
    // Only what renders plans has this flag.
    let is_of_a_plan = inner.try_contains_id("markdown").is_ok();
    let mut is_output_taken = false;
    for format in ["json", "sarif", "markdown", "junit", "html"] {
        let Some(destination) = wanted(inner, format) else {
            continue;
        };
        let text = match (format, refused, is_of_a_plan) {
            ("json", Some(refused), _) => format!("{:#}\n", as_json(refused)),
            ("json", None, _) => format!("{:#}\n", of_error(&report, calling)),
            ("sarif", Some(refused), _) => format!("{:#}\n", as_sarif(&problems, refused, directory)),
            ("markdown", _, true) => markdown::without_plan(&problems, longest(inner)),
            ("junit", _, true) => junit::without_plan(&problems),
            ("html", _, true) => html::without_plan(&report.render(calling, html::COLUMNS)),
            (_, _, _) => continue,
        };
        if destination == Destination::Output && std::mem::replace(&mut is_output_taken, true) {
            continue;
        }
        destination.take(&text, directory, ui)?;
    }
    Ok(())
}

/// How long the Markdown may be.
fn longest(matches: &ArgMatches) -> u64 {
    let given = matches.try_get_one::<u64>("max_bytes").ok().flatten();
    given.copied().unwrap_or(markdown::GITHUB)
}

/// An error that no place of a configuration is wrong with, as the one diagnostic that it is.
pub(crate) fn of_error(report: &Report, calling: &Calling) -> serde_json::Value {
    let detail = detail(report, calling);
    document_of_error(report.headline.as_deref().unwrap_or_default(), &detail.join("\n"))
}

/// What is said of an error beside its headline.
fn detail(report: &Report, calling: &Calling) -> Vec<String> {
    let facts = report.facts.iter().map(|(label, value)| format!("{label}: {value}"));
    let causes = report.causes.iter().cloned();
    let hints = report.hints.iter().map(|hint| calling.in_text(hint));
    causes.chain(facts).chain(hints).collect()
}

/// The same as what is wrong with a plan.
fn problem_of(report: &Report, calling: &Calling) -> Problem {
    Problem {
        rule: "error".to_owned(),
        level: Level::Error,
        subject: None,
        summary: clean(report.headline.as_deref().unwrap_or("the command failed")),
        detail: Some(clean(&detail(report, calling).join("\n"))).filter(|text| !text.is_empty()),
        remedy: None,
        place: None,
    }
}

/// Where a format goes; nothing where it was not asked for.
fn wanted(matches: &ArgMatches, flag: &str) -> Option<Destination> {
    match matches.try_get_one::<Destination>(flag) {
        Ok(destination) => destination.cloned(),
        // Some commands only say whether.
        Err(_) => {
            let asked = matches.try_get_one::<bool>(flag).ok().flatten();
            asked.is_some_and(|asked| *asked).then_some(Destination::Output)
        }
    }
}

fn as_json(refused: &Refused) -> serde_json::Value {
    document(refused.found.clone(), &|file| source_text(&refused.sources, file))
}

fn as_sarif(problems: &[Problem], refused: &Refused, directory: &Path) -> serde_json::Value {
    let places = Places::declared(std::iter::empty(), &refused.sources, directory);
    sarif::document_of(problems, &places, "pgferry/configuration/")
}

fn problems(refused: &Refused, directory: &Path) -> Vec<Problem> {
    let places = Places::declared(std::iter::empty(), &refused.sources, directory);
    let found = refused.found.clone().sorted();
    found.iter().map(|found| problem(found, refused, &places)).collect()
}

fn problem(found: &Diagnostic, refused: &Refused, places: &Places) -> Problem {
    let said = found
        .primary
        .as_ref()
        .map(|mark| &mark.text)
        .filter(|text| !text.is_empty());
    let more: Vec<String> = found.detail.iter().chain(&found.hints).cloned().collect();
    Problem {
        rule: found.code.to_string(),
        level: match found.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        },
        subject: found.address.as_ref().map(ToString::to_string),
        summary: match said {
            Some(said) => format!("{}: {said}", found.summary),
            None => found.summary.clone(),
        },
        detail: Some(more.join("\n\n")).filter(|text| !text.is_empty()),
        remedy: None,
        place: found
            .primary
            .as_ref()
            .and_then(|mark| refused.sources.locate(mark.span))
            .map(|place| places.seen(place)),
    }
}
