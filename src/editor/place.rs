//! Where a cursor stands, and which page of the reference tells what may stand there.

use std::ops::Range;

use super::outline::{Block, Outline, end_of_text, is_word};
use crate::config::reference::{self, Body, Entry, Nested, Page, Sort};

/// Where a cursor stands.
pub enum Place<'o> {
    /// Where a top-level block begins.
    Top {
        /// The word around the cursor.
        word: Range<usize>,
    },
    /// Where an argument or a nested block begins.
    Name {
        /// The blocks around it, outermost first.
        blocks: Vec<&'o Block>,
        /// The word around the cursor.
        word: Range<usize>,
    },
    /// In the value of an argument.
    Value {
        /// The blocks around it, outermost first.
        blocks: Vec<&'o Block>,
        /// The argument's name.
        argument: &'o str,
        /// The dotted path that ends at the cursor: `var.na`.
        path: Range<usize>,
        /// The text around the cursor, without quotes, where it stands in one.
        quoted: Option<Range<usize>>,
    },
    /// Where nothing can be offered: in a comment or a label.
    Nothing,
}

/// Finds out where a cursor stands.
pub fn place<'o>(text: &str, outline: &'o Outline, offset: usize) -> Place<'o> {
    let offset = text.floor_char_boundary(offset);
    let blocks = outline.around(offset);
    let value = blocks.last().and_then(|block| {
        let mut values = block.attributes.iter();
        values.find(|attribute| attribute.value.start <= offset && offset <= attribute.value.end)
    });
    if let Some(attribute) = value {
        return match inside(text, attribute.value.start, offset) {
            Inside::Code => Place::Value {
                argument: &attribute.name.text,
                path: path_before(text, attribute.value.start, offset),
                quoted: None,
                blocks,
            },
            Inside::Text(start) => {
                let end = end_of_text(text, start);
                let end = if text.get(start + 1..end).is_some_and(|inner| inner.ends_with('"')) {
                    end - 1
                } else {
                    offset.max(start + 1)
                };
                Place::Value {
                    argument: &attribute.name.text,
                    path: offset..offset,
                    quoted: Some(start + 1..end.max(offset)),
                    blocks,
                }
            }
            Inside::Comment => Place::Nothing,
        };
    }
    let word = word_around(text, offset);
    let before = text.get(..word.start).unwrap_or_default();
    let before = before.trim_end_matches([' ', '\t']);
    if !(before.is_empty() || before.ends_with(['\n', '{'])) {
        return Place::Nothing;
    }
    if blocks.is_empty() {
        Place::Top { word }
    } else {
        Place::Name { blocks, word }
    }
}

enum Inside {
    Code,
    /// In a quoted text that starts there.
    Text(usize),
    Comment,
}

/// What a place in a value is inside of.
fn inside(text: &str, start: usize, offset: usize) -> Inside {
    let mut at = start;
    // Where texts around the place begin; `None` for an expression in one.
    let mut open: Vec<Option<usize>> = Vec::new();
    while at < offset {
        let rest = text.get(at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { break };
        let in_text = matches!(open.last(), Some(Some(_)));
        match c {
            '\\' if in_text => at += 1,
            '$' | '%' if in_text && rest.get(1..2) == Some("{") => {
                open.push(None);
                at += 1;
            }
            '"' if in_text => {
                open.pop();
            }
            '\n' if in_text => {
                open.pop();
            }
            '"' => open.push(Some(at)),
            '{' if !in_text => open.push(None),
            '}' if !in_text => {
                open.pop();
            }
            '#' if !in_text => {
                let end = rest.find('\n').map_or(text.len(), |end| at + end);
                if offset <= end {
                    return Inside::Comment;
                }
                at = end;
            }
            _ => {}
        }
        at += text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8);
    }
    match open.last() {
        Some(Some(start)) => Inside::Text(*start),
        Some(None) | None => Inside::Code,
    }
}

/// The word around a place.
pub fn word_around(text: &str, offset: usize) -> Range<usize> {
    let before = text.get(..offset).unwrap_or_default();
    let after = text.get(offset..).unwrap_or_default();
    let start = before.trim_end_matches(is_word).len();
    start..offset + after.find(|c| !is_word(c)).unwrap_or(after.len())
}

/// The dotted path that ends at a place.
fn path_before(text: &str, start: usize, offset: usize) -> Range<usize> {
    let before = text.get(start..offset).unwrap_or_default();
    start + path_start(before)..offset
}

/// Where the dotted path starts that a text ends with. Keys in brackets are a part of it, as in `module.x["k"].`.
pub fn path_start(before: &str) -> usize {
    let is_part = |c| is_word(c) || c == '.';
    let mut start = before.trim_end_matches(is_part).len();
    loop {
        let (Some(owner), Some(path)) = (before.get(..start), before.get(start..)) else {
            return start;
        };
        match owner.strip_suffix(']').and_then(opening) {
            Some(open) if path.starts_with('.') => {
                start = owner.get(..open).unwrap_or_default().trim_end_matches(is_part).len();
            }
            Some(_) | None => return start,
        }
    }
}

/// Where the bracket opens that the end of a text stands in, on its line.
fn opening(inside: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in inside.char_indices().rev() {
        match c {
            '[' if depth == 0 => return Some(at),
            '[' => depth -= 1,
            ']' => depth += 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

/// A dotted path without the keys in it.
pub fn without_keys(path: &str) -> String {
    let mut depth = 0_usize;
    let mut names = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => names.push(c),
            _ => {}
        }
    }
    names
}

/// What may stand in the innermost of some blocks.
pub struct Offered {
    page: Page,
    meta: Option<Page>,
    way: Vec<String>,
}

impl Offered {
    /// For these blocks, outermost first; nothing when the outermost is unknown.
    pub fn of(blocks: &[&Block]) -> Option<Self> {
        let (top, inner) = blocks.split_first()?;
        let page = reference::page(&top.kind.text).filter(|page| page.sort != Sort::Meta)?;
        let meta = (page.sort == Sort::Resource).then(reference::meta);
        let mut way: Vec<String> = Vec::new();
        let mut inner = inner.iter();
        while let Some(block) = inner.next() {
            // The content of a `dynamic` block holds what the block it makes holds.
            if block.kind.text == "dynamic"
                && let (Some(made), Some(_)) = (block.labels.first(), inner.next())
            {
                way.push(made.text.clone());
            } else {
                way.push(block.kind.text.clone());
            }
        }
        Some(Self { page, meta, way })
    }

    /// The page of the outermost block.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The bodies of the tables that apply.
    fn bodies(&self) -> Vec<&Body> {
        let mut bodies: Vec<&Body> = std::iter::once(&self.page)
            .chain(&self.meta)
            .map(|page| &page.body)
            .collect();
        for name in &self.way {
            let blocks = bodies.iter().flat_map(|body| &body.blocks);
            bodies = blocks
                .filter(|block| block.name == name)
                .map(|block| &block.body)
                .collect();
        }
        bodies
    }

    /// The arguments.
    pub fn arguments(&self) -> impl Iterator<Item = &Entry> {
        self.bodies().into_iter().flat_map(|body| &body.arguments)
    }

    /// The nested blocks.
    pub fn blocks(&self) -> impl Iterator<Item = &Nested> {
        self.bodies().into_iter().flat_map(|body| &body.blocks)
    }
}
