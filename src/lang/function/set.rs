//! Functions on sets.

use std::sync::Arc;

use crate::lang::convert::{convert, type_of, unify};
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};

const SET: Parameter = Parameter::new("sets", Wants::Set(&Wants::Any)).unknowns(Unknowns::StopInside);
const FIRST: Parameter = Parameter::new("first_set", Wants::Set(&Wants::Any)).unknowns(Unknowns::StopInside);
const SAME: Returns = Returns::By(|values| values.first().map_or(Type::Any, type_of));

/// The largest product that is made.
const LARGEST_PRODUCT: usize = 1_000_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("setintersection", "What is in all of the sets.", &[FIRST], SAME, |a| {
        combined(a, |first, second| {
            first.iter().filter(|value| holds(second, value)).cloned().collect()
        })
    })
    .and_rest(SET),
    Function::new(
        "setproduct",
        "All combinations of one element of each set or list.",
        &[],
        Returns::By(|_| Type::Any),
        product,
    )
    .and_rest(Parameter::new("sets", Wants::Any).keeping_marks()),
    Function::new(
        "setsubtract",
        "What is in the first set and not in the second.",
        &[
            Parameter::new("a", Wants::Set(&Wants::Any)).unknowns(Unknowns::StopInside),
            Parameter::new("b", Wants::Set(&Wants::Any)).unknowns(Unknowns::StopInside),
        ],
        SAME,
        |a| {
            combined(a, |first, second| {
                first.iter().filter(|value| !holds(second, value)).cloned().collect()
            })
        },
    ),
    Function::new("setunion", "What is in any of the sets.", &[FIRST], SAME, |a| {
        combined(a, |first, second| first.iter().chain(second).cloned().collect())
    })
    .and_rest(SET),
];

fn holds(set: &[Value], value: &Value) -> bool {
    set.binary_search_by(|element| order::compare(element, value)).is_ok()
}

/// Goes through the sets from the first to the last, all converted to one element type.
fn combined(arguments: &Arguments<'_>, combine: fn(&[Value], &[Value]) -> Vec<Value>) -> Outcome {
    let types: Vec<Type> = arguments
        .all()
        .iter()
        .map(|set| match type_of(set) {
            Type::Set(element) => element.as_ref().clone(),
            ty => ty,
        })
        .filter(|ty| *ty != Type::Any)
        .collect();
    let element = if types.is_empty() {
        Some(Type::Any)
    } else {
        unify(&types)
    };
    let element = element.ok_or_else(|| Failure::Call("the sets must have elements of one type".to_owned()))?;
    let mut result: Option<Vec<Value>> = None;
    for (at, set) in arguments.all().iter().enumerate() {
        let set = convert(set, &Type::Set(element.clone().into()))
            .map_err(|error| Failure::Argument(at, error.to_string()))?;
        let elements = set.elements().unwrap_or_default();
        result = Some(match result {
            None => elements.to_vec(),
            Some(before) => combine(&before, elements),
        });
    }
    Ok(order::set(result.unwrap_or_default(), element))
}

fn product(arguments: &Arguments<'_>) -> Outcome {
    if arguments.count() < 2 {
        return Err(Failure::Call("at least two sets or lists are required".to_owned()));
    }
    let mut factors = Vec::with_capacity(arguments.count());
    let mut ordered = true;
    let mut element_types = Vec::new();
    for (at, value) in arguments.all().iter().enumerate() {
        let factor = match value.shape {
            Shape::Tuple(_) => convert(value, &Type::List(Type::Any.into())),
            _ => Ok(value.clone()),
        };
        let factor = factor.map_err(|error| Failure::Argument(at, error.to_string()))?;
        let element = match &factor.shape {
            Shape::List(_, element) => element.clone(),
            Shape::Set(_, element) => {
                ordered = false;
                element.clone()
            }
            _ => return Err(Failure::Argument(at, "a set or a list is required".to_owned())),
        };
        element_types.push(element.as_ref().clone());
        factors.push(factor);
    }
    let sizes = factors.iter().map(|factor| factor.elements().map_or(0, <[Value]>::len));
    let size = sizes.fold(1_usize, usize::saturating_mul);
    if size > LARGEST_PRODUCT {
        return Err(Failure::Call(format!(
            "the product has more than {LARGEST_PRODUCT} elements"
        )));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for factor in &factors {
        let elements = factor.elements().unwrap_or_default();
        rows = rows
            .iter()
            .flat_map(|row| {
                elements.iter().map(move |element| {
                    let mut row = row.clone();
                    row.push(element.clone());
                    row
                })
            })
            .collect();
    }
    let element = Type::Tuple(Arc::new(element_types));
    let rows: Vec<Value> = rows.into_iter().map(Value::tuple).collect();
    Ok(if ordered {
        Value::new(Shape::List(Arc::new(rows), Arc::new(element)))
    } else {
        order::set(rows, element)
    })
}
