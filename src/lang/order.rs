//! Equality of values, and the order in which sets keep their elements. The rules are Terraform's.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::lang::convert::type_of;
use crate::lang::marks::Marks;
use crate::lang::value::{Shape, Type, Value};

/// A set of these elements: each once, in order. Marks of elements become the set's.
pub fn set(mut elements: Vec<Value>, element: Type) -> Value {
    let marks = elements
        .iter()
        .fold(Marks::NONE, |marks, element| marks | deep_marks(element));
    if marks != Marks::NONE {
        elements = elements.iter().map(unmarked).collect();
    }
    elements.sort_by(compare);
    elements.dedup_by(|a, b| same(a, b));
    Value::new(Shape::Set(Arc::new(elements), Arc::new(element))).marked(marks)
}

/// The marks of the value and of everything in it.
pub fn deep_marks(value: &Value) -> Marks {
    let elements = value.elements().into_iter().flatten();
    let entries = value.entries().into_iter().flat_map(|entries| entries.values());
    elements
        .chain(entries)
        .fold(value.marks, |marks, inner| marks | deep_marks(inner))
}

/// Whether the value and everything in it is known.
pub fn wholly_known(value: &Value) -> bool {
    !value.is_unknown()
        && value
            .elements()
            .is_none_or(|elements| elements.iter().all(wholly_known))
        && value.entries().is_none_or(|entries| entries.values().all(wholly_known))
}

/// The value without any mark in it.
pub fn unmarked(value: &Value) -> Value {
    if deep_marks(value) == Marks::NONE {
        return value.clone();
    }
    Value::new(with_parts(&value.shape, unmarked))
}

/// The value with null, of the same type and otherwise marked alike, in place of everything in it that is ephemeral.
pub fn ephemeral_as_null(value: &Value) -> Value {
    let marks = value.marks;
    let shape = match marks.ephemeral {
        true => Shape::Null(type_of(value)),
        false if deep_marks(value).ephemeral => with_parts(&value.shape, ephemeral_as_null),
        false => value.shape.clone(),
    };
    Value::new(shape).marked(Marks {
        ephemeral: false,
        ..marks
    })
}

/// The same shape with other parts.
fn with_parts(shape: &Shape, part: fn(&Value) -> Value) -> Shape {
    let each = |elements: &Arc<Vec<Value>>| Arc::new(elements.iter().map(part).collect());
    let every = |entries: &Arc<BTreeMap<Arc<str>, Value>>| {
        Arc::new(entries.iter().map(|(key, value)| (key.clone(), part(value))).collect())
    };
    match shape {
        Shape::List(elements, element) => Shape::List(each(elements), element.clone()),
        Shape::Set(elements, element) => Shape::Set(each(elements), element.clone()),
        Shape::Tuple(elements) => Shape::Tuple(each(elements)),
        Shape::Map(entries, element) => Shape::Map(every(entries), element.clone()),
        Shape::Object(entries) => Shape::Object(every(entries)),
        Shape::Resource(resource) => {
            let mut resource = resource.as_ref().clone();
            for value in resource.attributes.values_mut() {
                *value = part(value);
            }
            Shape::Resource(Arc::new(resource))
        }
        shape @ (Shape::Null(_) | Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) | Shape::Unknown(_)) => {
            shape.clone()
        }
    }
}

/// Whether two values are equal: nothing when that hangs on something unknown.
pub fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (&a.shape, &b.shape) {
        (Shape::Unknown(_), _) | (_, Shape::Unknown(_)) => None,
        (Shape::Null(_), Shape::Null(_)) => Some(true),
        (Shape::Null(_), _) | (_, Shape::Null(_)) => Some(false),
        (Shape::Bool(a), Shape::Bool(b)) => Some(a == b),
        (Shape::Number(a), Shape::Number(b)) => Some(a == b),
        (Shape::Text(a), Shape::Text(b)) => Some(a == b),
        (Shape::List(a, _), Shape::List(b, _)) | (Shape::Tuple(a), Shape::Tuple(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().zip(b.iter()).map(|(a, b)| equal(a, b)))
        }
        (Shape::Set(x, _), Shape::Set(y, _)) => {
            if !wholly_known(a) || !wholly_known(b) {
                return None;
            }
            Some(x.len() == y.len() && x.iter().zip(y.iter()).all(|(a, b)| same(a, b)))
        }
        (Shape::Map(..), Shape::Map(..))
        | (Shape::Object(_) | Shape::Resource(_), Shape::Object(_) | Shape::Resource(_)) => {
            let (Some(a), Some(b)) = (a.entries(), b.entries()) else {
                return Some(false);
            };
            if !a.keys().eq(b.keys()) {
                return Some(false);
            }
            all(a.values().zip(b.values()).map(|(a, b)| equal(a, b)))
        }
        (
            Shape::Bool(_)
            | Shape::Number(_)
            | Shape::Text(_)
            | Shape::List(..)
            | Shape::Tuple(_)
            | Shape::Set(..)
            | Shape::Map(..)
            | Shape::Object(_)
            | Shape::Resource(_),
            _,
        ) => Some(false),
    }
}

fn all(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for result in results {
        match result {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(true) }
}

/// Whether two values are the same in every respect, the sign of a zero and unknown ones included.
pub fn same(a: &Value, b: &Value) -> bool {
    match equal(a, b) {
        Some(equal) => equal && type_of(a) == type_of(b) && compare(a, b).is_eq(),
        None => a == b,
    }
}

/// The order of elements of one set.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (&a.shape, &b.shape) {
        (Shape::Unknown(_), Shape::Unknown(_)) | (Shape::Null(_), Shape::Null(_)) => Ordering::Equal,
        (Shape::Unknown(_), _) | (Shape::Null(_), _) => Ordering::Greater,
        (_, Shape::Unknown(_) | Shape::Null(_)) => Ordering::Less,
        (Shape::Bool(a), Shape::Bool(b)) => a.cmp(b),
        (Shape::Number(a), Shape::Number(b)) => a.total_cmp(b),
        (Shape::Text(a), Shape::Text(b)) => a.cmp(b),
        _ => rendering(a).cmp(&rendering(b)),
    }
}

/// The text by which Terraform orders elements that are not primitive.
fn rendering(value: &Value) -> String {
    let mut text = String::new();
    render(value, &mut text);
    text
}

fn render(value: &Value, text: &mut String) {
    let sequence = |open: char, close: char, text: &mut String| {
        text.push(open);
        for element in value.elements().unwrap_or_default() {
            render(element, text);
            text.push(';');
        }
        text.push(close);
    };
    // Writing to a `String` cannot fail.
    let _ = match &value.shape {
        Shape::Unknown(_) => write!(text, "?"),
        Shape::Null(_) => write!(text, "~"),
        Shape::Bool(value) => write!(text, "{}", if *value { 'T' } else { 'F' }),
        Shape::Number(number) => write!(text, "{number}"),
        Shape::Text(content) => write!(text, "{content:?}"),
        Shape::List(..) | Shape::Set(..) => {
            sequence('[', ']', text);
            Ok(())
        }
        Shape::Tuple(_) => {
            sequence('<', '>', text);
            Ok(())
        }
        Shape::Map(entries, _) => {
            text.push('{');
            for (key, value) in entries.iter() {
                let _ = write!(text, "{key:?}:");
                render(value, text);
                text.push(';');
            }
            write!(text, "}}")
        }
        Shape::Object(_) | Shape::Resource(_) => {
            text.push('<');
            for value in value.entries().into_iter().flat_map(|entries| entries.values()) {
                render(value, text);
                text.push(';');
            }
            write!(text, ">")
        }
    };
}
