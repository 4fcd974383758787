//! Expressions in, values or diagnostics out.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostics, FileId};
use crate::lang::display::Displayed;
use crate::lang::syntax;
use crate::lang::types::constant;
use crate::lang::value::Value;

mod answers;
mod properties;
mod sensitive;
mod vault;

/// What an expression without references evaluates to, or the first thing said about it and what it points at.
fn eval(text: &str) -> Result<Value, String> {
    let value = syntax::expression(FileId(0), text).and_then(|expr| constant(&expr));
    value.map_err(|found| said(text, &found))
}

/// Everything that people read of what was found, but for the places it points at.
fn words(found: &Diagnostics) -> String {
    let mut words = String::new();
    for found in found.iter() {
        let marks = found.primary.iter().chain(&found.others).map(|mark| &mark.text);
        for text in marks.chain(&found.detail).chain(&found.hints) {
            writeln!(words, "{}: {text}", found.summary).unwrap();
        }
    }
    words
}

fn said(text: &str, found: &Diagnostics) -> String {
    let mut said = String::new();
    for found in found.iter() {
        let mark = found.primary.as_ref().unwrap();
        writeln!(said, "{} `{}`: {}", found.code, &text[mark.span.range()], mark.text).unwrap();
    }
    said
}
