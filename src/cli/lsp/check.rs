//! What is wrong with a directory, the open files as they are in the editor, in the words of the protocol.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::arm::Outputs;
use crate::cli::env::Env;
use crate::cli::project::{Project, Purpose, Wishes};
use crate::config::source::Role;
use crate::config::{Inputs, ReadError, Sources};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Severity, Span, code};
use crate::editor::{Lines, Position};

/// The files of a directory with those that are open in an editor in place of the stored ones, `elsewhere` by their paths.
///
/// # Errors
/// When a stored file cannot be read and none is open.
pub(super) fn sources(
    directory: &Path,
    open: &BTreeMap<String, &str>,
    elsewhere: Vec<(PathBuf, String)>,
) -> Result<Sources, ReadError> {
    let sources = match Sources::read(directory) {
        // What is open can be told about even where nothing is stored beside it, or nothing that can be read.
        Err(_) if !open.is_empty() => Ok(Sources::empty(directory)),
        read => read,
    };
    sources.map(|mut sources| {
        for (name, text) in open {
            sources.put(name, text);
        }
        sources.lay_over(elsewhere);
        sources
    })
}

/// The problems of each file, by its name.
pub(super) fn problems(
    directory: &Path,
    sources: Sources,
    wishes: &Wishes,
    env: &Env,
    uri: &dyn Fn(&str) -> String,
) -> BTreeMap<String, Vec<Json>> {
    let (found, sources) = match Project::of(directory, sources, wishes, env, Purpose::Look) {
        Ok(project) => match project.program.declare(&Outputs::default()) {
            Ok(declared) => (declared.warnings, project.sources),
            Err(found) => (found, project.sources),
        },
        Err(refused) => (refused.found, refused.sources),
    };
    let mut by_file: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for (_, file) in sources
        .of_role(Role::Configuration)
        .chain(sources.of_role(Role::AutomaticVariables))
    {
        by_file.insert(file.name.clone(), Vec::new());
    }
    let lines = |id: FileId| sources.file(id).map(|file| Lines::of(&file.text));
    let mut known: BTreeMap<FileId, Option<Lines<'_>>> = BTreeMap::new();
    for diagnostic in told(found) {
        let first = || {
            sources
                .of_role(Role::Configuration)
                .next()
                .map(|(id, _)| Span::new(id, 0..0))
        };
        let Some(span) = diagnostic.primary.as_ref().map(|mark| mark.span).or_else(first) else {
            continue;
        };
        for mark in diagnostic.primary.iter().chain(&diagnostic.others) {
            known.entry(mark.span.file).or_insert_with(|| lines(mark.span.file));
        }
        known.entry(span.file).or_insert_with(|| lines(span.file));
        let name = |id: FileId| sources.file(id).map(|file| file.name.clone());
        let range_of = |span: Span| match known.get(&span.file) {
            Some(Some(lines)) => range(lines, span.range()),
            Some(None) | None => range(&Lines::of(""), 0..0),
        };
        let related: Vec<Json> = diagnostic
            .others
            .iter()
            .filter_map(|mark| {
                let location = json!({ "uri": uri(&name(mark.span.file)?), "range": range_of(mark.span) });
                Some(json!({ "location": location, "message": mark.text }))
            })
            .collect();
        let problem = json!({
            "range": range_of(span),
            "severity": match diagnostic.severity {
                Severity::Error => 1,
                Severity::Warning => 2,
            },
            "code": diagnostic.code.as_str(),
            "source": "pgferry",
            "message": message(&diagnostic),
            "relatedInformation": related,
        });
        if let Some(name) = name(span.file) {
            by_file.entry(name).or_default().push(problem);
        }
    }
    by_file
}

/// All but the values that are missing: they are given when somebody runs pgferry, not when somebody writes.
fn told(found: Diagnostics) -> impl Iterator<Item = Diagnostic> {
    found
        .sorted()
        .into_iter()
        .filter(|found| found.code != code::VARIABLE_UNSET)
}

fn message(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![diagnostic.summary.clone()];
    if let Some(mark) = diagnostic.primary.as_ref().filter(|mark| !mark.text.is_empty()) {
        lines = vec![format!("{}: {}", diagnostic.summary, mark.text)];
    }
    lines.extend(diagnostic.detail.clone());
    let values = diagnostic.values.iter().flatten();
    lines.extend(values.map(|value| format!("{} {}", value.traversal, value.statement)));
    lines.extend(diagnostic.hints.iter().map(|hint| format!("hint: {hint}")));
    lines.join("\n")
}

/// The local values that are known without any resource, for documentation.
pub(super) fn constants(mut sources: Sources, env: &Env) -> BTreeMap<std::sync::Arc<str>, crate::lang::Value> {
    let supplied = crate::config::Supplied {
        assignments: Vec::new(),
        environment: env.variables.clone(),
        meant_for_terraform: std::collections::BTreeSet::new(),
        unset_sensitive: crate::config::UnsetSensitive::Unknown,
        cwd: sources.directory().display().to_string(),
    };
    match (
        Inputs::gather(&mut sources, &supplied),
        crate::config::parse(&mut sources),
    ) {
        (Ok(inputs), Ok(configuration)) => crate::config::constants(&configuration, &inputs),
        (Ok(_) | Err(_), _) => BTreeMap::new(),
    }
}

/// A range of bytes as the protocol has it.
pub(super) fn range(lines: &Lines<'_>, range: std::ops::Range<usize>) -> Json {
    let (start, end) = lines.range(range);
    let place = |position: Position| json!({ "line": position.line, "character": position.character });
    json!({ "start": place(start), "end": place(end) })
}
