//! What can be written at a place.

use std::collections::BTreeSet;
use std::ops::Range;

use super::outline::Block;
use super::place::{Offered, Place, place, without_keys};
use super::project::Project;
use crate::config::forms::Holds;
use crate::config::reference::{self, Sort};
use crate::kind;
use crate::kind::schema::{ArgumentType, Need};
use crate::lang::function;

/// Something that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is shown and looked for.
    pub label: String,
    /// What sort of thing it is.
    pub kind: ItemKind,
    /// In a few words.
    pub detail: String,
    /// In sentences.
    pub documentation: String,
    /// What replaces `range`.
    pub insert: String,
    /// What is replaced.
    pub range: Range<usize>,
}

/// What sort of thing is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A block.
    Block,
    /// An argument or attribute.
    Argument,
    /// A word of a choice.
    Word,
    /// A variable, local value or resource.
    Reference,
    /// A function.
    Function,
}

/// What can be written at a place of a file, the most fitting first.
pub fn complete(project: &Project, file: usize, offset: usize) -> Vec<Item> {
    let Some(file) = project.files.get(file) else {
        return Vec::new();
    };
    match place(&file.text, &file.outline, offset) {
        Place::Nothing => Vec::new(),
        Place::Top { word } => top(&word),
        Place::Name { blocks, word } => {
            let call = blocks.first().filter(|_| blocks.len() == 1);
            let mut items = call.map_or_else(Vec::new, |block| inputs(project, &file.text, block, &word));
            items.extend(names(&file.text, &blocks, &word));
            items
        }
        Place::Value {
            blocks,
            argument,
            path,
            quoted,
        } => {
            let value = Value {
                project,
                blocks: &blocks,
                holds: Offered::of(&blocks).and_then(|offered| {
                    offered
                        .arguments()
                        .find(|entry| entry.name == argument)
                        .map(|entry| entry.holds)
                }),
            };
            match quoted {
                Some(range) => value.words(&range, ""),
                None => value.path(file.text.get(path.clone()).unwrap_or_default(), &path),
            }
        }
    }
}

fn top(word: &Range<usize>) -> Vec<Item> {
    let pages = reference::pages();
    let pages = pages.iter().filter(|page| page.sort != Sort::Meta);
    let item = |page: &reference::Page| {
        let labels: String = page.labels.iter().map(|_| " \"\"").collect();
        Item {
            label: page.name.to_owned(),
            kind: ItemKind::Block,
            detail: page.summary.to_owned(),
            documentation: page.doc.to_owned(),
            insert: format!("{}{labels} {{\n}}", page.name),
            range: word.clone(),
        }
    };
    pages.map(item).collect()
}

fn names(text: &str, blocks: &[&Block], word: &Range<usize>) -> Vec<Item> {
    let (Some(offered), Some(block)) = (Offered::of(blocks), blocks.last()) else {
        return Vec::new();
    };
    let written = |name: &str| block.attribute(name).is_some();
    let assigned = is_assigned(text, word);
    let mut items: Vec<(Need, Item)> = offered
        .arguments()
        .filter(|entry| assigned || !written(entry.name))
        .map(|entry| {
            let item = Item {
                label: entry.name.to_owned(),
                kind: ItemKind::Argument,
                detail: entry.holds.described(),
                documentation: entry.doc.to_owned(),
                insert: if assigned {
                    entry.name.to_owned()
                } else {
                    format!("{} = ", entry.name)
                },
                range: word.clone(),
            };
            (entry.need, item)
        })
        .collect();
    items.sort_by_key(|(need, _)| *need != Need::Required);
    let nested = offered.blocks().filter(|_| !assigned).map(|nested| {
        let labels: String = nested.labels.iter().map(|_| " \"\"").collect();
        Item {
            label: nested.name.to_owned(),
            kind: ItemKind::Block,
            detail: "a nested block".to_owned(),
            documentation: nested.doc.to_owned(),
            insert: format!("{}{labels} {{\n}}", nested.name),
            range: word.clone(),
        }
    });
    let nested: Vec<Item> = nested.collect();
    items.into_iter().map(|(_, item)| item).chain(nested).collect()
}

/// The value of an argument.
struct Value<'a> {
    project: &'a Project,
    blocks: &'a [&'a Block],
    holds: Option<Holds>,
}

impl Value<'_> {
    /// The words of a choice, between these quotes.
    fn words(&self, range: &Range<usize>, quote: &str) -> Vec<Item> {
        let words = self.holds.map(Holds::words).unwrap_or_default();
        let mut items: Vec<Item> = words
            .iter()
            .map(|word| Item {
                label: word.word.to_owned(),
                kind: ItemKind::Word,
                detail: "an allowed value".to_owned(),
                documentation: String::new(),
                insert: format!("{quote}{}{quote}", word.word),
                range: range.clone(),
            })
            .collect();
        let truth = self.holds == Some(Holds::Of(ArgumentType::Bool)) && !quote.is_empty();
        for word in ["true", "false"].into_iter().filter(|_| truth) {
            items.push(Item {
                label: word.to_owned(),
                kind: ItemKind::Word,
                detail: "an allowed value".to_owned(),
                documentation: String::new(),
                insert: word.to_owned(),
                range: range.clone(),
            });
        }
        items
    }

    /// What continues a dotted path.
    fn path(&self, path: &str, range: &Range<usize>) -> Vec<Item> {
        let Some((before, word)) = path.rsplit_once('.') else {
            return self.roots(range);
        };
        let range = range.end - word.len()..range.end;
        let reference = |name: &str, detail: String| Item {
            label: name.to_owned(),
            kind: ItemKind::Reference,
            detail,
            documentation: String::new(),
            insert: name.to_owned(),
            range: range.clone(),
        };
        let before = without_keys(before);
        let parts: Vec<&str> = before.split('.').collect();
        match parts.as_slice() {
            ["var"] => {
                let variables = self.project.labelled("variable");
                variables
                    .map(|variable| reference(variable.name, self.purpose(variable.file, variable.block)))
                    .collect()
            }
            ["local"] => {
                let locals = self.project.locals();
                locals
                    .map(|(local, value)| reference(local.name, first_line(self.project.text(local.file, value))))
                    .collect()
            }
            ["module"] => {
                let calls = self.project.labelled("module");
                calls.map(|call| reference(call.name, "a module".into())).collect()
            }
            ["module", name] => {
                let call = self.project.labelled("module").find(|call| call.name == *name);
                let outputs = call.iter().flat_map(|call| self.project.in_module(call, "output"));
                outputs
                    .map(|output| reference(output.name, self.purpose(output.file, output.block)))
                    .collect()
            }
            ["each"] => vec![
                reference("key", "the key of the instance".into()),
                reference("value", "its value".into()),
            ],
            ["path"] => ["module", "root", "cwd"]
                .map(|name| reference(name, String::new()))
                .to_vec(),
            ["self"] => self
                .blocks
                .first()
                .map_or_else(Vec::new, |block| attributes(&block.kind.text, &range)),
            [kind] => {
                let resources = self.project.labelled(kind).filter(|_| kind::find(kind).is_some());
                resources
                    .map(|resource| reference(resource.name, format!("a `{kind}`")))
                    .collect()
            }
            [kind, _] => attributes(kind, &range),
            _ => Vec::new(),
        }
    }

    /// What a variable is for, as its block says.
    fn purpose(&self, file: usize, block: &Block) -> String {
        purpose(self.project, file, block)
    }

    /// What an expression can start with: what fits the argument first.
    fn roots(&self, range: &Range<usize>) -> Vec<Item> {
        let mut items = self.words(range, "\"");
        let reference = |text: String, detail: &str| Item {
            label: text.clone(),
            kind: ItemKind::Reference,
            detail: detail.to_owned(),
            documentation: String::new(),
            insert: text,
            range: range.clone(),
        };
        let fitting: Vec<&str> = match self.holds {
            Some(Holds::Of(
                ArgumentType::Reference(kinds) | ArgumentType::References(kinds) | ArgumentType::Object(kinds, _),
            )) => kinds.to_vec(),
            Some(Holds::Resources) => kind::ALL.iter().map(|kind| kind.schema().kind).collect(),
            _ => Vec::new(),
        };
        for kind in fitting {
            for resource in self.project.labelled(kind) {
                items.push(reference(format!("{kind}.{}", resource.name), "a resource that fits"));
            }
        }
        if self.holds == Some(Holds::Of(ArgumentType::Secret)) {
            let sensitive = self.project.labelled("variable").filter(|variable| {
                let flag = variable.block.attribute("sensitive");
                flag.is_some_and(|flag| self.project.text(variable.file, flag.value.clone()) == "true")
            });
            items.extend(sensitive.map(|variable| reference(format!("var.{}", variable.name), "a sensitive variable")));
        }
        items.push(reference("var".into(), "a variable"));
        items.push(reference("local".into(), "a local value"));
        if self.project.labelled("module").next().is_some() {
            items.push(reference("module".into(), "an output of a module"));
        }
        if self
            .blocks
            .first()
            .is_some_and(|block| block.attribute("for_each").is_some())
        {
            items.push(reference("each".into(), "the instance of `for_each`"));
        }
        let declared: BTreeSet<&str> = kind::ALL
            .iter()
            .map(|kind| kind.schema().kind)
            .filter(|kind| self.project.labelled(kind).next().is_some())
            .collect();
        items.extend(
            declared
                .into_iter()
                .map(|kind| reference(kind.to_owned(), "a kind of resource")),
        );
        items.extend(function::all().map(|function| Item {
            label: function.name.to_owned(),
            kind: ItemKind::Function,
            detail: function::signature(function),
            documentation: function.doc.to_owned(),
            insert: format!("{}(", function.name),
            range: range.clone(),
        }));
        items
    }
}

/// What a variable or output is for, as its block says.
fn purpose(project: &Project, file: usize, block: &Block) -> String {
    let description = block.attribute("description").or_else(|| block.attribute("type"));
    description.map_or_else(String::new, |attribute| {
        first_line(project.text(file, attribute.value.clone()))
            .trim_matches('"')
            .to_owned()
    })
}

/// The variables of a module that a call has not given a value yet, those first that need one.
fn inputs(project: &Project, text: &str, block: &Block, word: &Range<usize>) -> Vec<Item> {
    let Some(call) = project.labelled("module").find(|call| std::ptr::eq(call.block, block)) else {
        return Vec::new();
    };
    let assigned = is_assigned(text, word);
    let variables = project.in_module(&call, "variable");
    let mut items: Vec<(bool, Item)> = variables
        .filter(|variable| assigned || block.attribute(variable.name).is_none())
        .map(|variable| {
            let item = Item {
                label: variable.name.to_owned(),
                kind: ItemKind::Argument,
                detail: "a variable of the module".to_owned(),
                documentation: purpose(project, variable.file, variable.block),
                insert: if assigned {
                    variable.name.to_owned()
                } else {
                    format!("{} = ", variable.name)
                },
                range: word.clone(),
            };
            (variable.block.attribute("default").is_some(), item)
        })
        .collect();
    items.sort_by_key(|(has_default, _)| *has_default);
    items.into_iter().map(|(_, item)| item).collect()
}

/// Where the name of an argument is being changed, its `=` is there already.
fn is_assigned(text: &str, word: &Range<usize>) -> bool {
    let rest = text.get(word.end..).unwrap_or_default();
    rest.trim_start_matches([' ', '\t']).starts_with('=')
}

/// The attributes of a resource of a kind.
fn attributes(kind: &str, range: &Range<usize>) -> Vec<Item> {
    let Some(page) = reference::page(kind).filter(|page| page.sort == Sort::Resource) else {
        return Vec::new();
    };
    let item = |name: &str, doc: &str| Item {
        label: name.to_owned(),
        kind: ItemKind::Argument,
        detail: String::new(),
        documentation: doc.to_owned(),
        insert: name.to_owned(),
        range: range.clone(),
    };
    let exports = page.exports.iter().map(|export| item(export.name, export.doc));
    let arguments = page.body.arguments.iter().map(|entry| item(entry.name, entry.doc));
    exports.chain(arguments).collect()
}

pub(super) fn first_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    let end = first.char_indices().nth(60).map_or(first.len(), |(at, _)| at);
    let short = first.get(..end).unwrap_or_default();
    if end < first.len() || lines.next().is_some() {
        format!("{short}…")
    } else {
        short.to_owned()
    }
}
