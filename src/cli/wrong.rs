//! What a program is told where a configuration is wrong: whoever asked for JSON or SARIF gets it, whatever the command was to say
//! instead. The text for people goes to standard error all the same.

use std::path::Path;

use clap::ArgMatches;

use super::error::CommandError;
use super::project::{Refused, source_text};
use super::renderings::Destination;
use super::ui::Ui;
use super::view::diagnostic_json::document;
use super::view::plan::problem::{Level, Places, Problem};
use super::view::plan::sarif;
use crate::diagnostic::{Diagnostic, Severity};

/// Writes what was found in the formats that the command line asks for.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write(error: &CommandError, matches: &ArgMatches, directory: &Path, ui: &Ui) -> Result<(), CommandError> {
    let CommandError::Configuration { refused, .. } = error else {
        return Ok(());
    };
    let mut inner = matches;
    while let Some((_, deeper)) = inner.subcommand() {
        inner = deeper;
    }
    if let Some(destination) = wanted(inner, "json") {
        destination.take(&format!("{:#}\n", as_json(refused)), directory, ui)?;
    }
    if let Some(destination) = wanted(inner, "sarif") {
        destination.take(&format!("{:#}\n", as_sarif(refused, directory)), directory, ui)?;
    }
    Ok(())
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
