//! Steps into a value: attributes, indices, splats.

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::convert::{convert, described, type_of};
use crate::lang::eval::{Evaluated, Evaluator, Frames, Reported, shown};
use crate::lang::expr::{Step, StepNode};
use crate::lang::value::{Shape, Type, Value};

/// The value at the end of a path.
pub(super) fn walk(evaluator: &Evaluator<'_>, value: Value, steps: &[Step], frames: Frames<'_>) -> Evaluated {
    let mut value = value;
    for step in steps {
        value = match &step.node {
            StepNode::Attribute(name) => attribute(evaluator, &value, name, step.span)?,
            StepNode::Position(position) => {
                let key = Value::new(Shape::Number(usize::try_from(*position).unwrap_or(usize::MAX).into()));
                index(evaluator, &value, &key, step.span)?
            }
            StepNode::Index(key) => {
                let key = evaluator.eval_in(key, frames)?;
                index(evaluator, &value, &key, step.span)?
            }
            StepNode::Splat(inner) => splat(evaluator, &value, inner, step.span, frames)?,
        };
    }
    Ok(value)
}

/// What is said of an index or key when neither it nor the length may be shown.
const NO_ELEMENT: &str = "there is no such element";

fn refuse(evaluator: &Evaluator<'_>, span: Span, text: impl Into<String>) -> Reported {
    evaluator.fail(Diagnostic::error(code::BAD_INDEX, "invalid index").at(span, text))
}

/// The attribute of an object, or the element of a map.
pub fn attribute(evaluator: &Evaluator<'_>, value: &Value, name: &str, span: Span) -> Evaluated {
    let unsupported = |text: String| Diagnostic::error(code::UNKNOWN_ATTRIBUTE, "unknown attribute").at(span, text);
    if let Some(entries) = value.entries() {
        if let Some(found) = entries.get(name) {
            return Ok(found.clone().marked(value.marks));
        }
        let text = match &value.shape {
            Shape::Resource(resource) => format!("`{}` has no attribute `{name}`", resource.address),
            Shape::Map(..) => format!("the map has no element `{name}`"),
            _ => format!("the object has no attribute `{name}`"),
        };
        let known = entries.keys().map(AsRef::as_ref);
        let diagnostic = unsupported(text);
        // The keys of a marked object are part of what must not be shown.
        let each_has = |value: &Value| value.entries().is_some_and(|entries| entries.contains_key(name));
        return Err(evaluator.fail(if value.marks.hide() {
            diagnostic
        } else if !entries.is_empty() && entries.values().all(each_has) {
            diagnostic.hint(format!("`values(…)[*].{name}` takes it from every element"))
        } else {
            diagnostic.suggest(name, known)
        }));
    }
    match &value.shape {
        Shape::Null(_) => Err(evaluator.fail(
            Diagnostic::error(code::NULL_VALUE, "attribute of null")
                .at(span, format!("the value is null and has no attribute `{name}`")),
        )),
        Shape::Unknown(unknown) => match &unknown.ty {
            Type::Any => Ok(Value::unknown(Type::Any).marked(value.marks)),
            Type::Map(element) => Ok(Value::unknown(element.as_ref().clone()).marked(value.marks)),
            Type::Object(attributes) => match attributes.get(name) {
                Some(attribute) => Ok(Value::unknown(attribute.ty.clone()).marked(value.marks)),
                None => {
                    let diagnostic = unsupported(format!("the object has no attribute `{name}`"));
                    Err(evaluator.fail(if value.marks.hide() {
                        diagnostic
                    } else {
                        diagnostic.suggest(name, attributes.keys().map(AsRef::as_ref))
                    }))
                }
            },
            ty @ (Type::Bool | Type::Number | Type::String | Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                Err(evaluator.fail(unsupported(format!("a {} has no attributes", described(ty)))))
            }
        },
        Shape::List(..) | Shape::Set(..) | Shape::Tuple(_) => {
            let text = format!("{} has no attributes; its elements may", shown(value));
            let hint = format!("`[*].{name}` takes the attribute from every element");
            Err(evaluator.fail(unsupported(text).hint(hint)))
        }
        Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) | Shape::Map(..) | Shape::Object(_) | Shape::Resource(_) => {
            Err(evaluator.fail(unsupported(format!("{} has no attributes", shown(value)))))
        }
    }
}

/// The element of a collection.
pub fn index(evaluator: &Evaluator<'_>, value: &Value, key: &Value, span: Span) -> Evaluated {
    let marks = value.marks | key.marks;
    let found = element(evaluator, value, key, span)?;
    Ok(found.marked(marks))
}

fn element(evaluator: &Evaluator<'_>, value: &Value, key: &Value, span: Span) -> Evaluated {
    if value.is_null() {
        return Err(evaluator.fail(
            Diagnostic::error(code::NULL_VALUE, "index into null").at(span, "the value is null and has no elements"),
        ));
    }
    if key.is_null() {
        return Err(refuse(evaluator, span, "null is no index"));
    }
    match type_of(value) {
        Type::Any => Ok(Value::unknown(Type::Any)),
        Type::List(element) => sequence_element(evaluator, value, key, span, |_| element.as_ref().clone()),
        Type::Tuple(types) => {
            let single = match types.as_slice() {
                [only] => only.clone(),
                _ => Type::Any,
            };
            let ty = |at: Option<usize>| at.and_then(|at| types.get(at).cloned()).unwrap_or(single);
            sequence_element(evaluator, value, key, span, ty)
        }
        Type::Map(element) => entry(evaluator, value, key, span, |_| Some(element.as_ref().clone())),
        Type::Object(attributes) => {
            let ty = |name: Option<&str>| match name {
                Some(name) => attributes.get(name).map(|attribute| attribute.ty.clone()),
                None => Some(Type::Any),
            };
            entry(evaluator, value, key, span, ty)
        }
        Type::Set(_) => Err(evaluator.fail(
            Diagnostic::error(code::BAD_INDEX, "invalid index")
                .at(span, "a set has no order, so its elements have no index")
                .hint("`tolist(…)` makes a list of it; `one(…)` takes the only element"),
        )),
        Type::Bool | Type::Number | Type::String => {
            Err(refuse(evaluator, span, format!("{} has no elements", shown(value))))
        }
    }
}

fn sequence_element(
    evaluator: &Evaluator<'_>,
    value: &Value,
    key: &Value,
    span: Span,
    ty: impl FnOnce(Option<usize>) -> Type,
) -> Evaluated {
    let number = convert(key, &Type::Number).map_err(|_| {
        refuse(
            evaluator,
            span,
            format!("the index is a number here, this is {}", shown(key)),
        )
    })?;
    let Shape::Number(number) = &number.shape else {
        return Ok(Value::unknown(ty(None)));
    };
    let at = number.to_usize();
    let marks = value.marks | key.marks;
    let Some(elements) = value.elements() else {
        // Only the length of an unknown tuple is known.
        let length = match type_of(value) {
            Type::Tuple(types) => types.len(),
            _ => usize::MAX,
        };
        return match at {
            Some(at) if at < length => Ok(Value::unknown(ty(Some(at)))),
            _ if marks.hide() => Err(refuse(evaluator, span, NO_ELEMENT)),
            _ => Err(refuse(evaluator, span, format!("there is no element {number}"))),
        };
    };
    if let Some(found) = at.and_then(|at| elements.get(at)) {
        return Ok(found.clone());
    }
    let text = match elements.len() {
        _ if marks.hide() => NO_ELEMENT.to_owned(),
        _ if !number.is_integer() => "an index is a whole number".to_owned(),
        _ if number.signum() < 0 => "an index is not negative".to_owned(),
        0 => "there are no elements".to_owned(),
        1 => "there is only one element, its index is 0".to_owned(),
        length => format!("there are {length} elements, the last index is {}", length - 1),
    };
    Err(refuse(evaluator, span, text))
}

fn entry(
    evaluator: &Evaluator<'_>,
    value: &Value,
    key: &Value,
    span: Span,
    ty: impl FnOnce(Option<&str>) -> Option<Type>,
) -> Evaluated {
    let name = convert(key, &Type::String).map_err(|_| {
        refuse(
            evaluator,
            span,
            format!("the key is a string here, this is {}", shown(key)),
        )
    })?;
    let Some(name) = name.as_text() else {
        return Ok(Value::unknown(ty(None).unwrap_or(Type::Any)));
    };
    let Some(entries) = value.entries() else {
        return match ty(Some(name)) {
            Some(ty) => Ok(Value::unknown(ty)),
            None => Err(refuse(evaluator, span, "there is no element of this key")),
        };
    };
    if let Some(found) = entries.get(name) {
        return Ok(found.clone());
    }
    let diagnostic = Diagnostic::error(code::BAD_INDEX, "invalid index");
    Err(evaluator.fail(if (value.marks | key.marks).hide() {
        diagnostic.at(span, NO_ELEMENT)
    } else {
        diagnostic
            .at(span, format!("there is no element \"{name}\""))
            .suggest(name, entries.keys().map(AsRef::as_ref))
    }))
}

fn splat(evaluator: &Evaluator<'_>, value: &Value, steps: &[Step], span: Span, frames: Frames<'_>) -> Evaluated {
    let marks = value.marks;
    let each = |elements: &[Value]| -> Result<Vec<Value>, Reported> {
        elements
            .iter()
            .map(|element| walk(evaluator, element.clone().marked(marks), steps, frames))
            .collect()
    };
    let result = match &value.shape {
        Shape::Tuple(elements) => Value::tuple(each(elements)?),
        Shape::List(elements, element) | Shape::Set(elements, element) => {
            let results = each(elements)?;
            let ty = match results.first() {
                Some(first) => type_of(first),
                None => splat_type(evaluator, element, steps, frames),
            };
            let uniform = results.iter().all(|result| type_of(result) == ty);
            if uniform {
                Value::new(Shape::List(results.into(), ty.into()))
            } else {
                Value::tuple(results)
            }
        }
        Shape::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
            return Err(evaluator.fail(
                Diagnostic::error(code::NULL_VALUE, "splat of null").at(span, "the value is null and has no elements"),
            ));
        }
        Shape::Null(_) => Value::tuple(Vec::new()),
        Shape::Unknown(unknown) => match &unknown.ty {
            Type::List(element) | Type::Set(element) => {
                Value::unknown(Type::List(splat_type(evaluator, element, steps, frames).into()))
            }
            Type::Any | Type::Tuple(_) => Value::unknown(Type::Any),
            // What is no sequence counts as a sequence of one, unless it turns out to be null.
            Type::Bool | Type::Number | Type::String | Type::Map(_) | Type::Object(_) => Value::unknown(Type::Any),
        },
        Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) | Shape::Map(..) | Shape::Object(_) | Shape::Resource(_) => {
            Value::tuple(each(std::slice::from_ref(value))?)
        }
    };
    Ok(result.marked(marks))
}

/// The type that the steps lead to from an element of this type.
fn splat_type(evaluator: &Evaluator<'_>, element: &Type, steps: &[Step], frames: Frames<'_>) -> Type {
    let (result, _) = evaluator.apart(|| walk(evaluator, Value::unknown(element.clone()), steps, frames));
    result.map_or(Type::Any, |value| type_of(&value))
}
