//! From texts to blocks with places. It never evaluates and knows no block kind.

use std::ops::Range;
use std::thread;

use hcl_edit::Span as _;
use hcl_edit::structure as hcl;

use crate::block::Syntax;
use crate::config::json;
use crate::config::lost::Lost;
use crate::config::source::SourceFile;
use crate::config::split::{self, Items};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span, Spanned};
use crate::lang::code;
use crate::lang::expr::{Expr, Name, Node};
use crate::lang::syntax::{Lowering, Piece, normalized, on_deep_stack};

/// A block as written.
#[derive(Clone, Debug)]
pub struct RawBlock {
    /// Its first word.
    pub kind: Name,
    /// The labels after it.
    pub labels: Vec<Name>,
    /// The first word and the labels.
    pub header: Span,
    /// What stands between the braces.
    pub body: RawBody,
}

/// The content of a block as written.
#[derive(Clone, Debug)]
pub struct RawBody {
    /// The whole block, braces included.
    pub span: Span,
    /// Its attributes, each name once, in order.
    pub attributes: Vec<RawAttribute>,
    /// Its nested blocks in order.
    pub blocks: Vec<RawBlock>,
}

/// An attribute as written.
#[derive(Clone, Debug)]
pub struct RawAttribute {
    /// Its name.
    pub name: Name,
    /// Its value.
    pub expr: Expr,
    /// The syntax of the file that it stands in.
    pub syntax: Syntax,
}

/// The blocks of some files.
#[derive(Default)]
pub(super) struct Parsed {
    /// Those that could be read.
    pub(super) blocks: Vec<RawBlock>,
    /// What the others may have declared.
    pub(super) lost: Lost,
    /// At least one problem of every block that has one.
    pub(super) found: Diagnostics,
}

/// Reads the blocks of these files.
pub(super) fn blocks(files: &[(FileId, &SourceFile)]) -> Parsed {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(files.len().max(1));
    let share = files.len().div_ceil(threads).max(1);
    let results: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = files
            .chunks(share)
            .map(|files| {
                scope.spawn(move || on_deep_stack(|| files.iter().map(|(id, file)| parse_file(*id, file)).collect()))
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().ok().flatten()).collect()
    });
    let mut all = Parsed::default();
    for (result, files) in results.into_iter().zip(files.chunks(share)) {
        let parsed: Vec<Parsed> =
            result.unwrap_or_else(|| files.iter().map(|(id, file)| unreadable(*id, file)).collect());
        for file in parsed {
            all.found.extend(file.found);
            all.lost.extend(file.lost);
            all.blocks.extend(file.blocks);
        }
    }
    all
}

/// Reads a file that gives values to variables: attributes only.
///
/// # Errors
/// All that is wrong with the text, and every block in it.
pub fn parse_values(id: FileId, file: &SourceFile) -> Result<Vec<RawAttribute>, Diagnostics> {
    if file.is_json() {
        return json::values(id, &file.text);
    }
    let Items { items, mut found, .. } = split::items(id, &file.text);
    let mut attributes: Vec<RawAttribute> = Vec::new();
    let whole = |id| Piece {
        file: id,
        offset: 0,
        text: &file.text,
        stand_in: None,
    };
    let bodies =
        on_deep_stack(|| parse_items(id, file, &items)).unwrap_or_else(|| vec![Err(whole(id).unreadable().into())]);
    for body in bodies {
        let Some(body) = found.absorb(body) else { continue };
        for block in body.blocks {
            found.push(
                Diagnostic::error(code::VARIABLE_FILE, "block among variable values")
                    .at(block.header, "this file only holds values: `name = value`"),
            );
        }
        for attribute in body.attributes {
            match attributes.iter().find(|known| known.name.value == attribute.name.value) {
                Some(known) => found.push(
                    Diagnostic::error(code::DUPLICATE_ATTRIBUTE, "duplicate attribute")
                        .at(
                            attribute.name.span,
                            "this variable was given a value before in the same file",
                        )
                        .and_at(known.name.span, "first given here"),
                ),
                None => attributes.push(attribute),
            }
        }
    }
    found.or(attributes).map(|(attributes, _)| attributes)
}

/// Whether a text follows the grammar, whatever it says.
///
/// # Errors
/// All that does not.
pub fn check_syntax(id: FileId, file: &SourceFile) -> Result<(), Diagnostics> {
    if file.is_json() {
        return json::blocks(id, &file.text).map(|_| ());
    }
    let Items { items, mut found, .. } = split::items(id, &file.text);
    let whole = Piece {
        file: id,
        offset: 0,
        text: &file.text,
        stand_in: None,
    };
    let bodies =
        on_deep_stack(|| parse_items(id, file, &items)).unwrap_or_else(|| vec![Err(whole.unreadable().into())]);
    for body in bodies {
        found.absorb(body);
    }
    found.or(()).map(|_| ())
}

fn unreadable(id: FileId, file: &SourceFile) -> Parsed {
    let piece = Piece {
        file: id,
        offset: 0,
        text: &file.text,
        stand_in: None,
    };
    Parsed {
        blocks: Vec::new(),
        lost: Lost::anything(),
        found: piece.unreadable().into(),
    }
}

fn parse_file(id: FileId, file: &SourceFile) -> Parsed {
    if file.is_json() {
        return match json::blocks(id, &file.text) {
            Ok(blocks) => Parsed {
                blocks,
                ..Parsed::default()
            },
            Err(found) => Parsed {
                blocks: Vec::new(),
                lost: Lost::anything(),
                found,
            },
        };
    }
    let Items {
        items,
        passed_over,
        found: problems,
    } = split::items(id, &file.text);
    let text_of = |range: &Range<usize>| file.text.get(range.clone()).unwrap_or_default();
    let (mut found, mut lost) = (Diagnostics::new(), Lost::default());
    let mut blocks: Vec<RawBlock> = Vec::with_capacity(items.len());
    for range in &passed_over {
        lost.extend(Lost::in_text(text_of(range)));
    }
    // A stray bracket right after an item that is at fault is a consequence of that.
    let mut excused = Vec::new();
    let mut after_fault = false;
    for (body, item) in parse_items(id, file, &items).into_iter().zip(&items) {
        // So are braces whose header is.
        if after_fault && body.is_err() && text_of(item).starts_with('{') {
            continue;
        }
        after_fault = false;
        let Some(body) = found.absorb(body) else {
            after_fault = true;
            lost.extend(Lost::in_text(text_of(item)));
            let rest = file.text.get(item.end..).unwrap_or_default();
            excused.push(Span::new(id, item.end..file.text.len() - rest.trim_start().len() + 1));
            continue;
        };
        for attribute in body.attributes {
            lost.add(&attribute.name.value, None);
            let stray = Diagnostic::error(code::STRAY_ATTRIBUTE, "attribute outside of a block")
                .at(attribute.name.span, "attributes stand inside of blocks");
            found.push(match attribute.expr.node {
                Node::Object(_) => stray.hint(format!(
                    "a block has no `=`: `{} {{ … }}`; shared values belong into `locals`",
                    attribute.name.value
                )),
                _ => stray.hint("values of variables belong into a `*.vars.hcl` file, shared values into `locals`"),
            });
        }
        blocks.extend(body.blocks);
    }
    let consequence = |problem: &Diagnostic| {
        let end = problem.primary.as_ref().map(|mark| mark.span.end);
        problem.code == code::STRAY_CLOSER && excused.iter().any(|excused| Some(excused.end) == end)
    };
    for problem in problems.iter().filter(|problem| !consequence(problem)) {
        // A bracket too many may have ended the block before it too early.
        let before = |block: &RawBlock| {
            problem
                .primary
                .as_ref()
                .is_some_and(|at| block.header.start < at.span.start)
        };
        if problem.code == code::STRAY_CLOSER
            && let Some(ended) = blocks.iter().rposition(before)
        {
            let ended = blocks.remove(ended);
            lost.add(&ended.kind.value, ended.labels.first().map(|label| &*label.value));
        }
        found.push(problem.clone());
    }
    Parsed { blocks, lost, found }
}

fn parse_items(id: FileId, file: &SourceFile, items: &[Range<usize>]) -> Vec<Result<RawBody, Diagnostics>> {
    let item = |range: Range<usize>| {
        let piece = Piece {
            file: id,
            offset: range.start,
            text: file.text.get(range).unwrap_or_default(),
            stand_in: None,
        };
        let parsed = piece.parse::<hcl::Body>().map_err(|found| Diagnostics::from(*found))?;
        let mut lowering = Lowering::new(piece);
        let body = raw_body(&mut lowering, &parsed, piece.whole());
        lowering.found.or(body).map(|(body, _)| body)
    };
    items.iter().cloned().map(item).collect()
}

fn raw_body(lowering: &mut Lowering<'_>, body: &hcl::Body, span: Span) -> RawBody {
    let mut raw = RawBody {
        span,
        attributes: Vec::new(),
        blocks: Vec::new(),
    };
    for structure in body {
        match structure {
            hcl::Structure::Attribute(attribute) => {
                raw.attributes.push(RawAttribute {
                    name: lowering.name(&attribute.key),
                    expr: lowering.expr(&attribute.value),
                    syntax: Syntax::Hcl,
                });
            }
            hcl::Structure::Block(block) => raw.blocks.push(raw_block(lowering, block)),
        }
    }
    raw
}

fn raw_block(lowering: &mut Lowering<'_>, block: &hcl::Block) -> RawBlock {
    let kind = lowering.name(&block.ident);
    let labels: Vec<Name> = block
        .labels
        .iter()
        .map(|label| Spanned {
            value: normalized(label.as_str()),
            span: lowering.span(label.span()),
        })
        .collect();
    let header = Span {
        end: labels.last().map_or(kind.span.end, |label| label.span.end),
        ..kind.span
    };
    let span = lowering.span(block.span());
    RawBlock {
        kind,
        labels,
        header,
        body: raw_body(lowering, &block.body, span),
    }
}

impl RawBody {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&RawAttribute> {
        self.attributes.iter().find(|attribute| *attribute.name.value == *name)
    }

    /// The nested blocks of that name.
    pub fn blocks_of(&self, kind: &str) -> impl Iterator<Item = &RawBlock> {
        self.blocks.iter().filter(move |block| *block.kind.value == *kind)
    }

    /// Every expression in it, nested blocks included.
    pub fn expressions<'b>(&'b self, seen: &mut dyn FnMut(&'b Expr)) {
        self.attributes.iter().for_each(|attribute| seen(&attribute.expr));
        self.blocks.iter().for_each(|block| block.body.expressions(seen));
    }
}
