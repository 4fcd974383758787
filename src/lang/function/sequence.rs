//! Functions on lists and tuples.

use std::sync::Arc;

use crate::lang::convert::{convert, type_of, unify};
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::marks::Marks;
use crate::lang::number::Number;
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};

const LIST: Parameter = Parameter::new("list", Wants::Any).keeping_marks();
const ANY_LIST: Parameter = Parameter::new("list", Wants::List(&Wants::Any)).keeping_marks();
const ANY: Returns = Returns::By(|_| Type::Any);
const SAME: Returns = Returns::By(|values| values.first().map_or(Type::Any, type_of));
const NUMBER: Returns = Returns::Always(Wants::Number);
const BOOL: Returns = Returns::Always(Wants::Bool);
const STRINGS: Returns = Returns::Always(Wants::List(&Wants::String));

/// The longest list that `range` makes.
const LONGEST_RANGE: usize = 1024;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "alltrue",
        "Whether all elements are true.",
        &[Parameter::new("list", Wants::List(&Wants::Bool))],
        BOOL,
        |a| Ok(judged(a.elements(0), false)),
    ),
    Function::new(
        "anytrue",
        "Whether any element is true.",
        &[Parameter::new("list", Wants::List(&Wants::Bool))],
        BOOL,
        |a| Ok(judged(a.elements(0), true)),
    ),
    Function::new(
        "chunklist",
        "The list cut into lists of at most that many elements.",
        &[ANY_LIST, Parameter::new("size", Wants::Number)],
        Returns::By(|values| Type::List(values.first().map_or(Type::Any, type_of).into())),
        chunklist,
    ),
    Function::new(
        "coalescelist",
        "The first list that is not empty.",
        &[],
        ANY,
        coalescelist,
    )
    .and_rest(Parameter::new("vals", Wants::Any)),
    Function::new(
        "compact",
        "The list without nulls and empty texts.",
        &[Parameter::new("list", Wants::List(&Wants::String)).unknowns(Unknowns::StopInside)],
        STRINGS,
        |a| {
            let kept = a
                .elements(0)
                .iter()
                .filter(|value| value.as_text().is_some_and(|text| !text.is_empty()));
            Ok(list(kept.cloned().collect(), Type::String))
        },
    ),
    Function::new("concat", "The elements of several lists in one.", &[], ANY, concat)
        .and_rest(Parameter::new("seqs", Wants::Any).keeping_marks()),
    Function::new(
        "contains",
        "Whether a list, set or tuple has an element that equals the value.",
        &[
            Parameter::new("list", Wants::Any).unknowns(Unknowns::Stop),
            Parameter::new("value", Wants::Any).unknowns(Unknowns::StopInside),
        ],
        BOOL,
        contains,
    ),
    Function::new(
        "distinct",
        "The list without repetitions.",
        &[Parameter::new("list", Wants::List(&Wants::Any)).unknowns(Unknowns::StopInside)],
        SAME,
        distinct,
    ),
    Function::new(
        "element",
        "The element at an index, counting on from the start after the end.",
        &[LIST, Parameter::new("index", Wants::Number)],
        Returns::By(|values| match values.first().map(type_of) {
            Some(Type::List(element)) => element.as_ref().clone(),
            _ => Type::Any,
        }),
        element,
    ),
    Function::new(
        "flatten",
        "All elements of lists in lists, in one list.",
        &[LIST],
        ANY,
        flatten,
    ),
    Function::new(
        "index",
        "The index of the first element that equals the value.",
        &[
            Parameter::new("list", Wants::Any).unknowns(Unknowns::StopInside),
            Parameter::new("value", Wants::Any).unknowns(Unknowns::StopInside),
        ],
        NUMBER,
        index,
    ),
    Function::new(
        "matchkeys",
        "The values whose key, at the same place in another list, is among the wanted ones.",
        &[
            Parameter::new("values", Wants::List(&Wants::Any)),
            Parameter::new("keys", Wants::List(&Wants::Any)).unknowns(Unknowns::StopInside),
            Parameter::new("searchset", Wants::List(&Wants::Any)).unknowns(Unknowns::StopInside),
        ],
        SAME,
        matchkeys,
    ),
    Function::new(
        "range",
        "The numbers from a start (0) up to a limit, by a step (1): `range(limit)`, `range(start, limit)`, \
         `range(start, limit, step)`.",
        &[],
        Returns::Always(Wants::List(&Wants::Number)),
        range,
    )
    .and_rest(Parameter::new("params", Wants::Number)),
    Function::new("reverse", "The elements backwards.", &[LIST], ANY, reverse),
    Function::new(
        "slice",
        "The elements from one index up to, but not including, another.",
        &[
            LIST,
            Parameter::new("start_index", Wants::Number),
            Parameter::new("end_index", Wants::Number),
        ],
        ANY,
        slice,
    ),
    Function::new(
        "sort",
        "The texts in order.",
        &[Parameter::new("list", Wants::List(&Wants::String)).unknowns(Unknowns::StopInside)],
        STRINGS,
        sort,
    ),
];

pub(super) fn list(elements: Vec<Value>, element: Type) -> Value {
    Value::new(Shape::List(Arc::new(elements), Arc::new(element)))
}

/// The element type of a list that an argument was converted to.
fn element_of(value: &Value) -> Type {
    match type_of(value) {
        Type::List(element) | Type::Set(element) => element.as_ref().clone(),
        _ => Type::Any,
    }
}

/// Whether any element is `decisive`, which settles the question.
fn judged(elements: &[Value], decisive: bool) -> Value {
    let mut unknown = false;
    for element in elements {
        unknown |= element.is_unknown();
        // Null counts as false.
        let truth = element.as_bool().or_else(|| element.is_null().then_some(false));
        if truth == Some(decisive) {
            return Value::bool(decisive);
        }
    }
    if unknown {
        Value::unknown(Type::Bool)
    } else {
        Value::bool(!decisive)
    }
}

fn chunklist(arguments: &Arguments<'_>) -> Outcome {
    let size = usize::try_from(arguments.integer(1)?)
        .map_err(|_| Failure::Argument(1, "the size cannot be negative".to_owned()))?;
    let element = element_of(&arguments.value(0));
    let elements = arguments.elements(0);
    let size = if size == 0 { elements.len().max(1) } else { size };
    let chunks = elements
        .chunks(size)
        .map(|chunk| list(chunk.to_vec(), element.clone()))
        .collect();
    Ok(list(chunks, Type::List(element.into())))
}

fn coalescelist(arguments: &Arguments<'_>) -> Outcome {
    for (at, value) in arguments.all().iter().enumerate() {
        match value.elements() {
            Some([]) => {}
            Some(_) => return Ok(value.clone()),
            None => return Err(Failure::Argument(at, "a list or tuple is required".to_owned())),
        }
    }
    Err(Failure::Call("every list is empty".to_owned()))
}

fn concat(arguments: &Arguments<'_>) -> Outcome {
    if arguments.count() == 0 {
        return Err(Failure::Call("at least one list is required".to_owned()));
    }
    let (mut elements, mut types) = (Vec::new(), Vec::new());
    for (at, value) in arguments.all().iter().enumerate() {
        match &value.shape {
            Shape::List(part, element) => {
                elements.extend(part.iter().cloned());
                types.push(element.as_ref().clone());
            }
            Shape::Tuple(part) => elements.extend(part.iter().cloned()),
            _ => return Err(Failure::Argument(at, "a list or tuple is required".to_owned())),
        }
    }
    if types.len() == arguments.count()
        && let Some(ty) = unify(&types)
    {
        let converted: Option<Vec<Value>> = elements.iter().map(|value| convert(value, &ty).ok()).collect();
        if let Some(converted) = converted {
            return Ok(list(converted, ty));
        }
    }
    Ok(Value::tuple(elements))
}

fn contains(arguments: &Arguments<'_>) -> Outcome {
    let collection = arguments.value(0);
    let elements = collection
        .elements()
        .ok_or_else(|| Failure::Argument(0, "a list, set or tuple is required".to_owned()))?;
    let wanted = arguments.value(1);
    let mut unknown = false;
    for element in elements {
        match order::equal(element, &wanted) {
            Some(true) => return Ok(Value::bool(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown {
        Value::unknown(Type::Bool)
    } else {
        Value::bool(false)
    })
}

fn distinct(arguments: &Arguments<'_>) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    // A set of what was seen keeps long lists from taking quadratic time.
    let mut seen: std::collections::BTreeSet<Key> = std::collections::BTreeSet::new();
    for value in arguments.elements(0) {
        // Zeros with and without a sign are equal here.
        let key = match &value.shape {
            Shape::Number(number) if number.signum() == 0 => Value::integer(0),
            _ => value.clone(),
        };
        if seen.insert(Key(key)) {
            kept.push(value.clone());
        }
    }
    Ok(list(kept, element_of(&arguments.value(0))))
}

/// A value in the order of sets.
struct Key(Value);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order::compare(&self.0, &other.0)
    }
}

fn wants_list(at: usize) -> Failure {
    Failure::Argument(at, "a list or tuple is required".to_owned())
}

fn element(arguments: &Arguments<'_>) -> Outcome {
    let sequence = arguments.value(0);
    let elements = sequence
        .elements()
        .filter(|_| !matches!(sequence.shape, Shape::Set(..)));
    let elements = elements.ok_or_else(|| wants_list(0))?;
    let index = usize::try_from(arguments.integer(1)?)
        .map_err(|_| Failure::Argument(1, "the index cannot be negative".to_owned()))?;
    let at = index.checked_rem(elements.len());
    let found = at.and_then(|at| elements.get(at)).cloned();
    found.ok_or_else(|| Failure::Argument(0, "an empty list has no elements".to_owned()))
}

fn flatten(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let elements = value
        .elements()
        .ok_or_else(|| Failure::Argument(0, "a list, set or tuple is required".to_owned()))?;
    let mut flat = Vec::new();
    Ok(match flatten_into(elements, &mut flat) {
        Flattened { known: true, marks } => Value::tuple(flat).marked(marks),
        Flattened { known: false, marks } => Value::unknown(Type::Any).marked(marks),
    })
}

struct Flattened {
    known: bool,
    marks: Marks,
}

fn flatten_into(elements: &[Value], flat: &mut Vec<Value>) -> Flattened {
    let mut result = Flattened {
        known: true,
        marks: Marks::NONE,
    };
    for element in elements {
        match element.elements() {
            Some(inner) => {
                let inner = flatten_into(inner, flat);
                result.known &= inner.known;
                result.marks |= inner.marks | element.marks;
            }
            None => {
                let open = matches!(
                    (&element.shape, type_of(element)),
                    (
                        Shape::Unknown(_),
                        Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_)
                    )
                );
                result.known &= !open;
                flat.push(element.clone());
            }
        }
    }
    result
}

fn index(arguments: &Arguments<'_>) -> Outcome {
    let sequence = arguments.value(0);
    let elements = sequence
        .elements()
        .filter(|_| !matches!(sequence.shape, Shape::Set(..)));
    let elements = elements.ok_or_else(|| wants_list(0))?;
    let wanted = arguments.value(1);
    let at = elements
        .iter()
        .position(|element| order::equal(element, &wanted) == Some(true));
    let at = at.ok_or_else(|| Failure::Call("no element equals the value".to_owned()))?;
    Ok(Value::new(Shape::Number(at.into())))
}

fn matchkeys(arguments: &Arguments<'_>) -> Outcome {
    let (values, keys, wanted) = (arguments.elements(0), arguments.elements(1), arguments.value(2));
    if values.len() != keys.len() {
        let text = format!("there are {} values, but {} keys", values.len(), keys.len());
        return Err(Failure::Call(text));
    }
    let key_type = element_of(&arguments.value(1));
    let wanted = convert(&wanted, &Type::List(key_type.into()))
        .map_err(|_| Failure::Argument(2, "the wanted keys must have the type of the keys".to_owned()))?;
    let wanted = wanted.elements().unwrap_or_default();
    let kept = values
        .iter()
        .zip(keys)
        .filter(|(_, key)| wanted.iter().any(|wanted| order::same(wanted, key)));
    Ok(list(
        kept.map(|(value, _)| value.clone()).collect(),
        element_of(&arguments.value(0)),
    ))
}

fn range(arguments: &Arguments<'_>) -> Outcome {
    let number = |at: usize| arguments.number(at);
    let down = |start: &Number, end: &Number| {
        if end < start {
            Number::from(-1_i64)
        } else {
            Number::from(1_i64)
        }
    };
    let (start, end, step) = match arguments.count() {
        1 => (Number::zero(), number(0), down(&Number::zero(), &number(0))),
        2 => (number(0), number(1), down(&number(0), &number(1))),
        3 => (number(0), number(1), number(2)),
        _ => return Err(Failure::Call("one, two or three numbers are required".to_owned())),
    };
    let descending = step.signum() < 0;
    if step.signum() == 0 && start != end {
        return Err(Failure::Argument(2, "the step cannot be zero".to_owned()));
    }
    if (descending && end > start) || (!descending && end < start) {
        return Err(Failure::Argument(2, "the step leads away from the limit".to_owned()));
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if descending { next > end } else { next < end } {
        if numbers.len() >= LONGEST_RANGE {
            return Err(Failure::Call(format!(
                "the range has more than {LONGEST_RANGE} numbers"
            )));
        }
        numbers.push(Value::new(Shape::Number(next.clone())));
        next = next.plus(&step).map_err(|error| Failure::Call(error.to_string()))?;
    }
    Ok(list(numbers, Type::Number))
}

fn reverse(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let elements = value
        .elements()
        .ok_or_else(|| Failure::Argument(0, "a list, set or tuple is required".to_owned()))?;
    let backwards = elements.iter().rev().cloned().collect();
    Ok(match &value.shape {
        Shape::List(_, element) | Shape::Set(_, element) => {
            Value::new(Shape::List(Arc::new(backwards), element.clone()))
        }
        _ => Value::tuple(backwards),
    })
}

fn slice(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let elements = value.elements().filter(|_| !matches!(value.shape, Shape::Set(..)));
    let elements = elements.ok_or_else(|| wants_list(0))?;
    let bound = |at: usize| {
        usize::try_from(arguments.integer(at)?)
            .map_err(|_| Failure::Argument(at, "the index cannot be negative".to_owned()))
    };
    let (start, end) = (bound(1)?, bound(2)?);
    if end > elements.len() {
        return Err(Failure::Argument(
            2,
            format!("there are only {} elements", elements.len()),
        ));
    }
    let Some(part) = elements.get(start..end) else {
        return Err(Failure::Argument(1, "the start lies after the end".to_owned()));
    };
    Ok(match &value.shape {
        Shape::List(_, element) => Value::new(Shape::List(Arc::new(part.to_vec()), element.clone())),
        _ => Value::tuple(part.to_vec()),
    })
}

fn sort(arguments: &Arguments<'_>) -> Outcome {
    let mut texts = arguments.elements(0).to_vec();
    if texts.iter().any(Value::is_null) {
        return Err(Failure::Argument(0, "the list cannot contain null".to_owned()));
    }
    texts.sort_by(order::compare);
    Ok(list(texts, Type::String))
}
