//! `pgferry kinds`: what every block may hold, from the tables that the program itself goes by. It needs no project.

use clap::Args;
use serde_json::{Value as Json, json};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;
use super::view::kinds;
use crate::config::forms::{OtherArguments, Repeats};
use crate::config::reference::{self, Body, Entry, Nested, Page, Sort};
use crate::diagnostic::nearest;
use crate::kind::schema::Need;

/// Show what the blocks of a configuration may hold
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry kinds", "every block in one line"),
    ("pgferry kinds database_batch", "everything about one"),
    ("pgferry kinds meta", "what every resource takes"),
]))]
pub(crate) struct KindsArgs {
    /// The block; without one, all are listed
    name: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &KindsArgs, ui: &Ui) -> Result<Exit, CommandError> {
    let pages = reference::pages();
    let Some(name) = &args.name else {
        if args.json {
            let all: Vec<Json> = pages.iter().map(page_json).collect();
            ui.document(&Json::Array(all));
        } else {
            ui.show(&kinds::list(&pages, ui.width()));
        }
        return Ok(Exit::Done);
    };
    let page = pages.iter().find(|page| page.name == name).ok_or_else(|| {
        let near = nearest(name, pages.iter().map(|page| page.name));
        CommandError::UnknownName {
            what: "block",
            name: name.clone(),
            near: near.map(str::to_owned),
            list: "pgferry kinds",
        }
    })?;
    if args.json {
        ui.document(&page_json(page));
    } else {
        ui.show(&kinds::page(page, ui.width()));
    }
    Ok(Exit::Done)
}

fn page_json(page: &Page) -> Json {
    let exports: Vec<Json> = page
        .exports
        .iter()
        .map(|export| json!({ "name": export.name, "description": export.doc }))
        .collect();
    json!({
        "name": page.name,
        "sort": match page.sort {
            Sort::Resource => "resource",
            Sort::Block => "block",
            Sort::Meta => "meta",
        },
        "labels": page.labels,
        "summary": page.summary,
        "description": page.doc,
        "example": page.example,
        "body": body_json(&page.body),
        "attributes": exports,
    })
}

fn body_json(body: &Body) -> Json {
    json!({
        "arguments": body.arguments.iter().map(entry_json).collect::<Vec<_>>(),
        "other_arguments": body.other_arguments == OtherArguments::Taken,
        "blocks": body.blocks.iter().map(nested_json).collect::<Vec<_>>(),
    })
}

fn entry_json(entry: &Entry) -> Json {
    let words: Vec<&str> = entry.holds.words().iter().map(|word| word.word).collect();
    json!({
        "name": entry.name,
        "type": entry.holds.described(),
        "required": entry.need == Need::Required,
        "default": match entry.need {
            Need::Default(default) => Some(default),
            Need::Required | Need::Optional => None,
        },
        "allowed": (!words.is_empty()).then_some(words),
        "description": entry.doc,
        "on_change": entry.effect.map(|effect| effect.described()),
    })
}

fn nested_json(nested: &Nested) -> Json {
    json!({
        "name": nested.name,
        "labels": nested.labels,
        "description": nested.doc,
        "repeatable": nested.repeats == Repeats::Any,
        "body": body_json(&nested.body),
    })
}
