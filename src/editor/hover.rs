//! What stands at a place: its documentation, and where it was declared.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::complete::first_line;
use super::outline::{Block, is_word};
use super::place::{Offered, path_start, without_keys, word_around};
use super::project::{Declared, Project};
use crate::config::forms::{Holds, META};
use crate::config::reference::{self, Entry, Sort};
use crate::kind;
use crate::kind::schema::Need;
use crate::lang::Value;
use crate::lang::display::Displayed;
use crate::lang::function;

/// Where something was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The file, by its number.
    pub file: usize,
    /// The name's place.
    pub range: Range<usize>,
}

/// The documentation of what stands at a place, as Markdown, and its place. `constants` are the local values that are known.
pub fn hover(
    project: &Project,
    file: usize,
    offset: usize,
    constants: &dyn Fn() -> BTreeMap<Arc<str>, Value>,
) -> Option<(String, Range<usize>)> {
    let text = &project.files.get(file)?.text;
    let outline = &project.files.get(file)?.outline;
    let word = word_around(text, text.floor_char_boundary(offset));
    let name = text.get(word.clone()).filter(|name| !name.is_empty())?;
    if let Some(block) = outline.blocks.iter().find(|block| block.kind.range == word) {
        let page = reference::page(&block.kind.text).filter(|page| page.sort != Sort::Meta)?;
        return Some((format!("**{}**: {}\n\n{}", page.name, page.summary, page.doc), word));
    }
    let blocks = outline.around(word.start);
    let block = blocks.last()?;
    if block.attributes.iter().any(|attribute| attribute.name.range == word) {
        if let Some(variable) = input(project, file, &word) {
            return Some((variable_text(project, &variable), word));
        }
        let offered = Offered::of(&blocks)?;
        let entry = offered.arguments().find(|entry| entry.name == name)?;
        return Some((argument(entry), word));
    }
    if block.blocks.iter().any(|nested| nested.kind.range == word) {
        let offered = Offered::of(&blocks)?;
        let nested = offered.blocks().find(|nested| nested.name == name)?;
        return Some((format!("**{}** (block): {}", nested.name, nested.doc), word));
    }
    in_value(block, &word)?;
    let called = text
        .get(word.end..)
        .is_some_and(|rest| rest.trim_start_matches(' ').starts_with('('));
    if called && let Some(function) = function::find(name) {
        return Some((
            format!("```hcl\n{}\n```\n\n{}", function::signature(function), function.doc),
            word,
        ));
    }
    let text = match named(project, file, &word)? {
        Named::Variable(variable) => variable_text(project, &variable),
        Named::Local(local, value) => {
            let written = format!(
                "```hcl\nlocal.{} = {}\n```",
                local.name,
                project.text(local.file, value)
            );
            match constants().get(local.name) {
                Some(known) => format!("{written}\n\nIts value:\n\n```\n{}\n```", Displayed(known)),
                None => written,
            }
        }
        Named::Call(call) => {
            let source = call.block.attribute("source")?;
            format!(
                "**module.{}**: the module {}",
                call.name,
                project.text(call.file, source.value.clone())
            )
        }
        Named::Output(output) => {
            let value = output.block.attribute("value")?;
            let written = first_line(project.text(output.file, value.value.clone()));
            let description = output.block.attribute("description");
            let description = description.map(|text| project.text(output.file, text.value.clone()).trim_matches('"'));
            format!(
                "```hcl\noutput.{} = {written}\n```\n\n{}",
                output.name,
                description.unwrap_or_default()
            )
        }
        Named::Resource(resource) => {
            let page = reference::page(&resource.block.kind.text)?;
            format!("**{}.{}**: {}", page.name, resource.name, page.summary)
        }
        Named::Attribute(kind, name) => {
            let page = reference::page(kind)?;
            let exports = page.exports.iter().find(|export| export.name == name);
            let argument = page.body.arguments.iter().find(|entry| entry.name == name);
            match (exports, argument) {
                (Some(export), _) => format!("**{}**: {}", export.name, export.doc),
                (None, Some(entry)) => self::argument(entry),
                (None, None) => return None,
            }
        }
    };
    Some((text, word))
}

/// Where the thing that a reference names was declared.
pub fn definition(project: &Project, file: usize, offset: usize) -> Option<Target> {
    let text = &project.files.get(file)?.text;
    let word = word_around(text, text.floor_char_boundary(offset));
    let target = |declared: Declared<'_>| Target {
        file: declared.file,
        range: declared.range,
    };
    if let Some(variable) = input(project, file, &word) {
        return Some(target(variable));
    }
    match named(project, file, &word)? {
        Named::Variable(variable) | Named::Call(variable) | Named::Output(variable) => Some(target(variable)),
        Named::Local(local, _) => Some(target(local)),
        Named::Resource(resource) => Some(target(resource)),
        Named::Attribute(..) => None,
    }
}

/// What the words of a dotted path name.
enum Named<'p> {
    Variable(Declared<'p>),
    Local(Declared<'p>, Range<usize>),
    Resource(Declared<'p>),
    Call(Declared<'p>),
    Output(Declared<'p>),
    Attribute(&'static str, String),
}

fn named<'p>(project: &'p Project, file: usize, word: &Range<usize>) -> Option<Named<'p>> {
    let text = &project.files.get(file)?.text;
    let outline = &project.files.get(file)?.outline;
    in_value(outline.around(word.start).last()?, word)?;
    let before = text.get(..word.start)?;
    let start = path_start(before);
    let after = text.get(word.end..).unwrap_or_default();
    // A root alone names nothing yet: the name behind it is what is meant.
    let next = after.strip_prefix('.').unwrap_or_default();
    let next = next
        .get(..next.find(|c| !is_word(c)).unwrap_or(next.len()))
        .unwrap_or_default();
    let path = without_keys(text.get(start..word.end)?);
    let mut parts: Vec<&str> = path.split('.').collect();
    if parts.len() == 1 && !next.is_empty() {
        parts.push(next);
    }
    match parts.as_slice() {
        ["var", name] => project
            .labelled("variable")
            .find(|variable| variable.name == *name)
            .map(Named::Variable),
        ["local", name] => project
            .locals()
            .find(|(local, _)| local.name == *name)
            .map(|(local, value)| Named::Local(local, value)),
        ["module", name] => project
            .labelled("module")
            .find(|call| call.name == *name)
            .map(Named::Call),
        ["module", name, output] => {
            let call = project.labelled("module").find(|call| call.name == *name)?;
            let mut outputs = project.in_module(&call, "output");
            outputs.find(|declared| declared.name == *output).map(Named::Output)
        }
        [kind, label] => {
            let kind = kind::find(kind)?.schema().kind;
            project
                .labelled(kind)
                .find(|resource| resource.name == *label)
                .map(Named::Resource)
        }
        [kind, _, attribute] => Some(Named::Attribute(
            kind::find(kind)?.schema().kind,
            (*attribute).to_owned(),
        )),
        _ => None,
    }
}

/// The variable of a module that an argument of its call gives a value.
fn input<'p>(project: &'p Project, file: usize, word: &Range<usize>) -> Option<Declared<'p>> {
    let block = *project.files.get(file)?.outline.around(word.start).first()?;
    let argument = block
        .attributes
        .iter()
        .find(|attribute| attribute.name.range == *word)?;
    let mut calls = project.labelled("module");
    let call = calls.find(|call| std::ptr::eq(call.block, block))?;
    let mut variables = project.in_module(&call, "variable");
    variables.find(|variable| variable.name == argument.name.text)
}

fn in_value(block: &Block, word: &Range<usize>) -> Option<()> {
    let mut values = block.attributes.iter().map(|attribute| &attribute.value);
    values
        .any(|value| value.start <= word.start && word.end <= value.end)
        .then_some(())
}

fn argument(entry: &Entry) -> String {
    let need = match entry.need {
        Need::Required => ", required".to_owned(),
        Need::Optional => String::new(),
        Need::Default(default) => format!(", default {default}"),
    };
    let words: Vec<String> = Holds::words(entry.holds)
        .iter()
        .map(|word| format!("`{}`", word.word))
        .collect();
    let holds = if words.is_empty() {
        entry.holds.described()
    } else {
        words.join(", ")
    };
    let effect = entry
        .effect
        .map(|effect| format!("\n\n{}", effect.described()))
        .unwrap_or_default();
    let meta = if META.has(entry.name) { " (every resource)" } else { "" };
    format!("**{}**{meta}: {holds}{need}\n\n{}{effect}", entry.name, entry.doc)
}

fn variable_text(project: &Project, variable: &Declared<'_>) -> String {
    let of = |name: &str| {
        let attribute = variable.block.attribute(name)?;
        Some(first_line(project.text(variable.file, attribute.value.clone())))
    };
    let mut text = format!(
        "```hcl\nvar.{}: {}\n```",
        variable.name,
        of("type").unwrap_or_else(|| "any".into())
    );
    if let Some(description) = of("description") {
        text.push_str(&format!("\n\n{}", description.trim_matches('"')));
    }
    match (of("sensitive").as_deref(), of("default")) {
        (Some("true"), _) => text.push_str("\n\nIts value is sensitive."),
        (_, Some(default)) => text.push_str(&format!("\n\nDefault: `{default}`")),
        (_, None) => {}
    }
    text
}
