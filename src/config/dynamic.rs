//! `dynamic` blocks: one nested block per element of a collection. What they are is known here, not what they hold.

use std::sync::Arc;

use crate::config::parse::{RawAttribute, RawBlock};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::lang::code;
use crate::lang::eval::Evaluator;
use crate::lang::expr::{Name, Node};

/// The name that stands for the current element in a `dynamic` block.
pub(super) fn iterator(block: &RawBlock) -> Option<Name> {
    let named = block
        .body
        .attribute("iterator")
        .and_then(|iterator| match &iterator.expr.node {
            Node::Reference(reference) if reference.steps.is_empty() => Some(Spanned {
                value: Arc::clone(&reference.root.value),
                span: iterator.expr.span,
            }),
            _ => None,
        });
    named.or_else(|| block.labels.first().cloned())
}

/// The parts of a `dynamic` block.
pub(super) struct Parts<'r> {
    /// The name of the blocks it makes.
    pub(super) name: &'r Name,
    /// What is walked.
    pub(super) for_each: &'r RawAttribute,
    /// The name of the current element.
    pub(super) iterator: Name,
    /// What each block holds.
    pub(super) content: &'r RawBlock,
}

/// Takes a `dynamic` block apart; nothing when it is not well formed, which is then noted.
pub(super) fn parts<'r>(evaluator: &Evaluator<'_>, block: &'r RawBlock) -> Option<Parts<'r>> {
    let wrong = |span, text: &str| {
        evaluator.fail(Diagnostic::error(code::META_ARGUMENT, "invalid dynamic block").at(span, text));
    };
    let name = match block.labels.as_slice() {
        [name] => name,
        [] => {
            wrong(
                block.header,
                "the name of the blocks is missing: `dynamic \"name\" { … }`",
            );
            return None;
        }
        [_, extra, ..] => {
            wrong(extra.span, "only one label is allowed");
            return None;
        }
    };
    for attribute in &block.body.attributes {
        match &*attribute.name.value {
            "for_each" | "iterator" => {}
            "labels" => wrong(attribute.name.span, "no nested block takes labels"),
            _ => wrong(
                attribute.name.span,
                "`dynamic` has `for_each`, `iterator` and a `content` block",
            ),
        }
    }
    let Some(for_each) = block.body.attribute("for_each") else {
        wrong(block.header, "`for_each` is missing");
        return None;
    };
    let content = match block.body.blocks.as_slice() {
        [content] if &*content.kind.value == "content" => content,
        [] => {
            wrong(block.header, "a `content` block is missing");
            return None;
        }
        [other, ..] => {
            wrong(other.kind.span, "exactly one `content` block is allowed");
            return None;
        }
    };
    let iterator = iterator(block)?;
    Some(Parts {
        name,
        for_each,
        iterator,
        content,
    })
}
