//! Configurations in, values or diagnostics out: what people meet when they write the language.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::address::KindName;
use crate::block::Block;
use crate::config::{
    Assignment, Exports, Folded, Inputs, Program, Sources, Supplied, UnsetSensitive, fold, parse, parsed, settings,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lang::value::{Residual, Type, Value};

mod errors;
mod json;
mod modules;
mod overriding;
mod properties;
mod statements;
mod values;
mod variables;

/// Two kinds: `network`, which computes an id from its name and a guid that only Azure knows, and `source`.
struct Kinds;

impl Exports for Kinds {
    fn problems(&self, _: &Block, _: &[Block]) -> Diagnostics {
        Diagnostics::new()
    }

    fn attributes(&self, block: &Block) -> BTreeMap<Arc<str>, Value> {
        let mut computed = BTreeMap::new();
        if block.address.kind().as_str() == "network" {
            let name = block.body.attributes.get("name").and_then(|name| name.value.as_text());
            let id = format!("/networks/{}", name.unwrap_or(block.address.label().as_str()));
            computed.insert(Arc::from("id"), Value::text(id));
            let residual = Residual::Output {
                resource: block.address.clone(),
                attribute: "guid".to_owned(),
            };
            computed.insert(Arc::from("guid"), Value::open(Type::String, residual));
        }
        computed
    }

    fn kinds(&self) -> Vec<&str> {
        vec!["network", "source", "database_batch"]
    }

    fn secrets(&self, kind: &KindName) -> Vec<&str> {
        match kind.as_str() {
            "source" => vec!["password"],
            _ => Vec::new(),
        }
    }
}

/// What the operator gives besides the files.
fn supplied(variables: &[(&str, &str)]) -> Supplied {
    Supplied {
        assignments: variables
            .iter()
            .map(|(name, text)| Assignment::Value {
                name: (*name).to_owned(),
                text: (*text).to_owned(),
            })
            .collect(),
        environment: BTreeMap::new(),
        meant_for_terraform: std::collections::BTreeSet::new(),
        unset_sensitive: UnsetSensitive::Unknown,
        cwd: "/here".to_owned(),
    }
}

fn run(files: &[(&str, &str)], supplied: &Supplied) -> (Sources, Result<Folded, Diagnostics>) {
    let mut sources = Sources::from_texts(files.iter().copied());
    let folded = parse(&mut sources).and_then(|configuration| {
        let inputs = Inputs::gather(&mut sources, supplied)?;
        settings(&configuration, &inputs)?;
        fold(&configuration, &inputs, &Kinds)
    });
    (sources, folded)
}

/// Everything found in files of which some cannot be read.
fn all_found(files: &[(&str, &str)]) -> (Sources, Diagnostics) {
    let mut sources = Sources::from_texts(files.iter().copied());
    let (inputs, mut found) = Inputs::gathered(&mut sources, &supplied(&[]));
    let (configuration, problems) = parsed(&mut sources);
    found.extend(problems);
    found.extend(Program::other_problems(configuration, inputs, None));
    (sources, found)
}

/// The configuration, which must be without fault.
fn folded(text: &str) -> Folded {
    let (sources, folded) = run(&[("main.hcl", text)], &supplied(&[]));
    folded.unwrap_or_else(|found| panic!("{}", rendered(&sources, found)))
}

/// The value of `output "x"`, as debugging shows it.
fn output(text: &str) -> String {
    let folded = folded(text);
    let output = folded.outputs.iter().find(|output| &*output.name == "x").unwrap();
    format!("{:?}", output.value)
}

/// Every diagnostic on a line of its own: code, place, what is underlined, what is said about it; other places and
/// hints are indented below.
fn rendered(sources: &Sources, found: Diagnostics) -> String {
    let mut text = String::new();
    for found in found.sorted() {
        render(sources, &found, &mut text).unwrap();
    }
    text
}

fn render(sources: &Sources, found: &Diagnostic, text: &mut String) -> std::fmt::Result {
    let severity = match found.severity {
        Severity::Error => "",
        Severity::Warning => "warning ",
    };
    write!(text, "{severity}{} {}", found.code, found.summary)?;
    match &found.primary {
        Some(mark) => {
            let at = sources.locate(mark.span).unwrap();
            let underlined = sources.text(mark.span).replace('\n', "⏎");
            writeln!(text, " @ {}:{} `{underlined}`: {}", at.line, at.column, mark.text)?;
        }
        None => writeln!(text)?,
    }
    for mark in &found.others {
        let at = sources.locate(mark.span).unwrap();
        writeln!(
            text,
            "  {}:{} `{}`: {}",
            at.line,
            at.column,
            sources.text(mark.span),
            mark.text
        )?;
    }
    if let Some(detail) = &found.detail {
        writeln!(text, "  {detail}")?;
    }
    for hint in &found.hints {
        writeln!(text, "  hint: {hint}")?;
    }
    Ok(())
}

/// Everything found in a configuration that has only this file.
fn found(text: &str) -> String {
    let (sources, folded) = run(&[("main.hcl", text)], &supplied(&[]));
    match folded {
        Ok(folded) => rendered(&sources, folded.warnings),
        Err(found) => rendered(&sources, found),
    }
}
