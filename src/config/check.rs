//! `check` blocks: what somebody wants to hold, told and never in the way. Evaluated like everything else, judged by nobody
//! here.

use crate::block::{Check, Verdict};
use crate::config::declare::{READ_ONLY, Site, unknown_argument};
use crate::config::fold::Folding;
use crate::config::parse::RawBlock;
use crate::config::resource::condition;
use crate::config::scope::Here;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lang::code;

/// Evaluates the assertions of a check.
pub(super) fn evaluate(folding: &mut Folding<'_, '_>, block: &RawBlock, checks: &mut Vec<Check>) {
    let Some(label) = block.labels.first() else { return };
    for attribute in &block.body.attributes {
        folding
            .found
            .push(unknown_argument(&attribute.name, "check", &["assert"]));
    }
    for nested in &block.body.blocks {
        match &*nested.kind.value {
            "assert" => {}
            "data" => folding.found.push(
                Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown block")
                    .at(nested.kind.span, "there are no data sources")
                    .hint(READ_ONLY),
            ),
            _ => folding.found.push(unknown_argument(&nested.kind, "check", &["assert"])),
        }
    }
    let mut asserts = block.body.blocks_of("assert").peekable();
    if asserts.peek().is_none() {
        folding.found.push(
            Diagnostic::error(code::MISSING_ARGUMENT, "missing block")
                .at(block.header, "a check needs an `assert` block with a condition"),
        );
    }
    let path = &folding.room.path;
    let name = match path.is_root() {
        true => format!("check.{}", label.value),
        false => format!("{path}.check.{}", label.value),
    };
    for assert in asserts {
        let before = std::mem::replace(&mut folding.found, Diagnostics::new());
        let here = Here::new(folding.room, Site::PLAIN);
        let judged = condition(folding, &here, assert);
        let problems = std::mem::replace(&mut folding.found, before);
        let span = assert.header;
        let (verdict, message, span) = match judged {
            Some(condition) => {
                folding.found.extend(problems);
                (condition.verdict, condition.message, condition.span)
            }
            // A condition without an answer is no reason to stop: what it says stands in its place.
            None if problems.iter().any(is_ill_formed) => {
                folding.found.extend(problems);
                continue;
            }
            None => match problems.iter().find(|found| found.severity == Severity::Error) {
                Some(problem) => {
                    let told = problem.primary.as_ref();
                    let text = told.map_or(&problem.summary, |mark| &mark.text);
                    let message = format!("the condition has no answer: {text}");
                    (Verdict::Fails, message, told.map_or(span, |mark| mark.span))
                }
                // It stands on something whose problem was noted.
                None => continue,
            },
        };
        let name = name.clone();
        checks.push(Check {
            name,
            verdict,
            message,
            span,
        });
    }
}

/// Whether the block itself is at fault, and not the values in it.
fn is_ill_formed(problem: &Diagnostic) -> bool {
    [code::MISSING_ARGUMENT, code::UNKNOWN_ARGUMENT].contains(&problem.code)
}
