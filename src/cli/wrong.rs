//! What a program is told where a command fails: whoever asked for JSON gets diagnostics, whatever the command was to say instead,
//! and whoever asked for SARIF gets what is wrong with a configuration. The text for people goes to standard error all the same.

use std::path::Path;

use clap::ArgMatches;

use super::calling::Calling;
use super::error::{CommandError, Report};
use super::project::{Refused, source_text};
use super::renderings::Destination;
use super::ui::Ui;
use super::view::diagnostic_json::{document, document_of_error};
use super::view::plan::problem::{Level, Places, Problem};
use super::view::plan::sarif;
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
    let CommandError::Configuration { refused, .. } = error else {
        // One document is all that a reader expects, and what was found out before the failure is worth more.
        if let Some(destination) = wanted(inner, "json").filter(|_| !ui.has_answered()) {
            destination.take(&format!("{:#}\n", of_error(&error.report(), calling)), directory, ui)?;
        }
        return Ok(());
    };
    if let Some(destination) = wanted(inner, "json") {
        destination.take(&format!("{:#}\n", as_json(refused)), directory, ui)?;
    }
    if let Some(destination) = wanted(inner, "sarif") {
        destination.take(&format!("{:#}\n", as_sarif(refused, directory)), directory, ui)?;
    }
    Ok(())
}

/// An error that no place of a configuration is wrong with, as the one diagnostic that it is.
pub(crate) fn of_error(report: &Report, calling: &Calling) -> serde_json::Value {
    let facts = report.facts.iter().map(|(label, value)| format!("{label}: {value}"));
    let causes = report.causes.iter().cloned();
    let hints = report.hints.iter().map(|hint| calling.in_text(hint));
    let detail: Vec<String> = causes.chain(facts).chain(hints).collect();
    document_of_error(report.headline.as_deref().unwrap_or_default(), &detail.join("\n"))
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

fn as_sarif(refused: &Refused, directory: &Path) -> serde_json::Value {
    let places = Places::declared(std::iter::empty(), &refused.sources, directory);
    let found = refused.found.clone().sorted();
    let problems: Vec<Problem> = found.iter().map(|found| problem(found, refused, &places)).collect();
    sarif::document_of(&problems, &places, "pgferry/configuration/")
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
