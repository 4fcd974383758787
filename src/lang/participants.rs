//! The values that took part in what went wrong, in Terraform's words. What is marked is never shown.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Participant, Span};
use crate::lang::convert::{described, type_of};
use crate::lang::display::quoted;
use crate::lang::eval::{Evaluator, Frames};
use crate::lang::expr::{Expr, Node, Reference, StepNode};
use crate::lang::value::{Shape, Type, Value};

/// Who quotes a whole file in an error helps nobody.
const LONGEST: usize = 300;

/// The values of the references of an expression that lie where the diagnostic points.
pub(super) fn of(
    evaluator: &Evaluator<'_>,
    expr: &Expr,
    frames: Frames<'_>,
    diagnostic: &Diagnostic,
) -> Vec<Participant> {
    let marked: Vec<Span> = diagnostic
        .primary
        .iter()
        .chain(&diagnostic.others)
        .map(|mark| mark.span)
        .collect();
    in_places(evaluator, expr, frames, &marked)
}

/// The values of all references of an expression.
pub(super) fn of_all(evaluator: &Evaluator<'_>, expr: &Expr) -> Vec<Participant> {
    in_places(evaluator, expr, None, &[expr.span])
}

fn in_places(evaluator: &Evaluator<'_>, expr: &Expr, frames: Frames<'_>, places: &[Span]) -> Vec<Participant> {
    let mut references = Vec::new();
    expr.references(&mut |reference, span| {
        if places.iter().any(|place| overlap(*place, span)) {
            references.push(reference);
        }
    });
    let mut seen = BTreeSet::new();
    references
        .into_iter()
        .filter_map(|reference| participant(evaluator, reference, frames))
        .filter(|participant| seen.insert(participant.traversal.clone()))
        .collect()
}

fn overlap(a: Span, b: Span) -> bool {
    a.file == b.file && a.start < b.end.max(b.start + 1) && b.start < a.end.max(a.start + 1)
}

/// The longest beginning of a reference that has a value. Steps that are computed end it: what computes them takes part on
/// its own.
fn participant(evaluator: &Evaluator<'_>, reference: &Reference, frames: Frames<'_>) -> Option<Participant> {
    let fixed = reference.steps.iter().take_while(|step| match &step.node {
        StepNode::Attribute(_) | StepNode::Position(_) => true,
        StepNode::Index(index) => matches!(index.node, Node::Literal(_)),
        StepNode::Splat(_) => false,
    });
    let steps = fixed.count();
    (0..=steps).rev().find_map(|taken| {
        let beginning = Reference {
            root: reference.root.clone(),
            steps: reference.steps.iter().take(taken).cloned().collect(),
        };
        let (value, _) = evaluator.apart(|| evaluator.reference(&beginning, frames));
        let statement = statement(&value.ok()?)?;
        Some(Participant {
            traversal: written(&beginning),
            statement,
        })
    })
}

/// A reference as text.
pub fn written(reference: &Reference) -> String {
    let mut text = reference.root.value.to_string();
    for step in &reference.steps {
        match &step.node {
            StepNode::Attribute(name) => {
                text.push('.');
                text.push_str(name);
            }
            StepNode::Position(position) => text.push_str(&format!("[{position}]")),
            StepNode::Index(index) => match &index.node {
                Node::Literal(key) => text.push_str(&format!("[{}]", compact(key))),
                Node::Reference(key) => text.push_str(&format!("[{}]", written(key))),
                _ => text.push_str("[…]"),
            },
            StepNode::Splat(_) => text.push_str("[*]"),
        }
    }
    text
}

/// What is said of a value: `is "abc"`. Nothing where there is nothing to say.
fn statement(value: &Value) -> Option<String> {
    match &value.shape {
        _ if value.marks.sensitive && !value.marks.ephemeral => Some("has a sensitive value".to_owned()),
        _ if value.marks.hide() => Some(format!("has an {} value", value.marks.word())),
        Shape::Unknown(unknown) => match &unknown.ty {
            Type::Any => Some("will be known only after apply".to_owned()),
            ty => Some(format!("is a {}, known only after apply", described(ty))),
        },
        _ => Some(format!("is {}", compact(value))),
    }
}

/// A value in a few words; what is sensitive inside of it is not looked at.
fn compact(value: &Value) -> String {
    let many = |count: usize| {
        let ty = described(&type_of(value)).into_owned();
        match count {
            0 => format!("empty {ty}"),
            1 => format!("{ty} with 1 element"),
            count => format!("{ty} with {count} elements"),
        }
    };
    match &value.shape {
        Shape::Null(_) => "null".to_owned(),
        Shape::Bool(truth) => truth.to_string(),
        Shape::Number(number) => number.to_string(),
        Shape::Text(text) => match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", quoted(text.get(..end).unwrap_or_default())),
            None => quoted(text),
        },
        Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => many(elements.len()),
        Shape::Map(entries, _) => many(entries.len()),
        Shape::Object(entries) => object(entries.keys().map(AsRef::as_ref)),
        Shape::Resource(resource) => object(resource.attributes.keys().map(AsRef::as_ref)),
        Shape::Unknown(_) => "(not yet known)".to_owned(),
    }
}

fn object<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let count = names.len();
    let mut names = names;
    match (count, names.next()) {
        (1, Some(name)) => format!("object with 1 attribute {}", quoted(name)),
        (0, _) => "object with no attributes".to_owned(),
        (count, _) => format!("object with {count} attributes"),
    }
}
