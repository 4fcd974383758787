//! Functions on maps and objects, and those that take collections of any sort.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::convert::{convert, type_of, unify};
use crate::lang::function::string::grapheme_count;
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};

const ANY: Returns = Returns::By(|_| Type::Any);
const NUMBER: Returns = Returns::Always(Wants::Number);
const INPUT_MAP: Parameter = Parameter::new("inputMap", Wants::Any).keeping_marks();
const VALUES: Parameter = Parameter::new("vals", Wants::Any).keeping_marks();

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "coalesce",
        "The first argument that is neither null nor an empty text.",
        &[],
        Returns::By(|values| common(values).unwrap_or(Type::Any)),
        coalesce,
    )
    .and_rest(VALUES.nullable().unknowns(Unknowns::Seen)),
    Function::new(
        "keys",
        "The keys of a map or object in order.",
        &[INPUT_MAP.unknowns(Unknowns::Seen)],
        Returns::Always(Wants::List(&Wants::String)),
        keys,
    ),
    Function::new(
        "length",
        "How many elements a collection has, or how many characters a text.",
        &[Parameter::new("value", Wants::Any)
            .keeping_marks()
            .unknowns(Unknowns::Seen)],
        NUMBER,
        length,
    ),
    Function::new(
        "lookup",
        "The element of a map by its key, or a default where it has none.",
        &[INPUT_MAP, Parameter::new("key", Wants::String)],
        ANY,
        lookup,
    )
    .and_rest(Parameter::new("default", Wants::Any).nullable().keeping_marks()),
    Function::new(
        "merge",
        "All elements of maps and objects; of one key the last counts.",
        &[],
        ANY,
        merge,
    )
    .and_rest(Parameter::new("maps", Wants::Any).nullable().keeping_marks()),
    Function::new(
        "one",
        "The only element of a list, set or tuple, or null where there is none.",
        &[Parameter::new("list", Wants::Any).keeping_marks()],
        ANY,
        one,
    ),
    Function::new(
        "transpose",
        "A map from texts to lists of texts, turned around.",
        &[Parameter::new("values", Wants::Map(&Wants::List(&Wants::String))).unknowns(Unknowns::StopInside)],
        Returns::Always(Wants::Map(&Wants::List(&Wants::String))),
        transpose,
    ),
    Function::new(
        "values",
        "The values of a map or object in the order of their keys.",
        &[INPUT_MAP],
        Returns::By(|values| match values.first().map(type_of) {
            Some(Type::Map(element)) => Type::List(element),
            _ => Type::Any,
        }),
        values,
    ),
    Function::new(
        "zipmap",
        "A map of keys from one list to values from another.",
        &[
            Parameter::new("keys", Wants::List(&Wants::String)).unknowns(Unknowns::StopInside),
            Parameter::new("values", Wants::Any).keeping_marks(),
        ],
        ANY,
        zipmap,
    ),
];

fn common(values: &[Value]) -> Option<Type> {
    let types: Vec<Type> = values.iter().map(type_of).filter(|ty| *ty != Type::Any).collect();
    unify(&types)
}

fn coalesce(arguments: &Arguments<'_>) -> Outcome {
    let given: Vec<Value> = arguments
        .all()
        .iter()
        .filter(|value| !value.is_null())
        .cloned()
        .collect();
    let open = given.iter().any(|value| type_of(value) == Type::Any);
    let nothing = || Failure::Call("every argument is null or an empty string".to_owned());
    let ty = match common(&given) {
        _ if open => Type::Any,
        Some(ty) => ty,
        None if given.is_empty() => return Err(nothing()),
        None => return Err(Failure::Call("all arguments must have the same type".to_owned())),
    };
    for value in &given {
        if value.is_unknown() && value.vault_secret().is_none() {
            return Ok(Value::unknown(ty));
        }
        let value = convert(value, &ty).map_err(|error| Failure::Call(error.to_string()))?;
        if value.as_text() != Some("") {
            return Ok(value);
        }
    }
    Err(nothing())
}

fn wants_map(at: usize) -> Failure {
    Failure::Argument(at, "a map or object is required".to_owned())
}

fn keys(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let names = |names: Vec<Value>| match type_of(&value) {
        Type::Map(_) => Value::new(Shape::List(Arc::new(names), Arc::new(Type::String))),
        _ => Value::tuple(names),
    };
    if let Some(entries) = value.entries() {
        return Ok(names(entries.keys().cloned().map(Value::text).collect()));
    }
    match (&value.shape, type_of(&value)) {
        (Shape::Unknown(_), Type::Object(attributes)) => {
            Ok(names(attributes.keys().cloned().map(Value::text).collect()))
        }
        (Shape::Unknown(_), Type::Map(_)) => Ok(Value::unknown(Type::List(Type::String.into()))),
        (Shape::Unknown(_), Type::Any) => Ok(Value::unknown(Type::Any)),
        _ => Err(wants_map(0)),
    }
}

fn length(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let count = match (&value.shape, type_of(&value)) {
        (Shape::Text(text), _) => grapheme_count(text),
        // Unknown elements of a set may turn out to be equal.
        (Shape::Set(elements, _), _) if !elements.iter().all(order::wholly_known) && elements.len() > 1 => {
            return Ok(Value::unknown(Type::Number));
        }
        (Shape::Unknown(_), Type::Tuple(types)) => types.len(),
        (Shape::Unknown(_), Type::Object(attributes)) => attributes.len(),
        (Shape::Unknown(_), Type::Any | Type::String | Type::List(_) | Type::Set(_) | Type::Map(_)) => {
            return Ok(Value::unknown(Type::Number));
        }
        _ => match (value.elements(), value.entries()) {
            (Some(elements), _) => elements.len(),
            (None, Some(entries)) => entries.len(),
            (None, None) => {
                return Err(Failure::Argument(0, "a string or a collection is required".to_owned()));
            }
        },
    };
    Ok(Value::new(Shape::Number(count.into())))
}

fn lookup(arguments: &Arguments<'_>) -> Outcome {
    let map = arguments.value(0);
    let entries = map.entries().ok_or_else(|| wants_map(0))?;
    let key = arguments.text(1);
    if arguments.count() > 3 {
        return Err(Failure::Call("at most one default is allowed".to_owned()));
    }
    let default = arguments.from(2).first();
    if let (Type::Map(element), Some(default)) = (type_of(&map), default)
        && type_of(default) != *element
        && !default.is_null()
        && *element != Type::Any
        && convert(default, &element).is_err()
    {
        let text = "the default must have the type of the map's elements";
        return Err(Failure::Argument(2, text.to_owned()));
    }
    match (entries.get(key), default) {
        (Some(found), _) => Ok(found.clone()),
        (None, Some(default)) => match type_of(&map) {
            Type::Map(element) => convert(default, &element).map_err(|error| Failure::Argument(2, error.to_string())),
            _ => Ok(default.clone()),
        },
        (None, None) => Err(Failure::Argument(
            1,
            format!("there is no element \"{key}\" and no default is given"),
        )),
    }
}

fn merge(arguments: &Arguments<'_>) -> Outcome {
    let mut merged = BTreeMap::new();
    let mut element: Option<Arc<Type>> = None;
    let (mut maps, mut given) = (0, 0);
    for (at, value) in arguments.all().iter().enumerate() {
        if value.is_null() {
            continue;
        }
        let entries = value.entries().ok_or_else(|| wants_map(at))?;
        given += 1;
        if let Shape::Map(_, ty) = &value.shape {
            maps += usize::from(element.as_ref().is_none_or(|element| element == ty));
            element.get_or_insert_with(|| ty.clone());
        }
        merged.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    match element {
        Some(element) if maps == given => Ok(Value::new(Shape::Map(Arc::new(merged), element))),
        _ => Ok(Value::object(merged)),
    }
}

fn one(arguments: &Arguments<'_>) -> Outcome {
    let list = arguments.value(0);
    match list.elements() {
        Some([]) => Ok(Value::new(Shape::Null(match type_of(&list) {
            Type::List(element) | Type::Set(element) => element.as_ref().clone(),
            _ => Type::Any,
        }))),
        Some([only]) => Ok(only.clone()),
        Some(_) | None => Err(Failure::Argument(
            0,
            "a list, set or tuple with one element or none is required".to_owned(),
        )),
    }
}

fn transpose(arguments: &Arguments<'_>) -> Outcome {
    let mut turned: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, list) in arguments.entries(0).into_iter().flatten() {
        let elements = list.elements();
        let elements = elements.ok_or_else(|| Failure::Argument(0, "a list cannot be null".to_owned()))?;
        for element in elements {
            let Shape::Text(text) = &element.shape else {
                return Err(Failure::Argument(0, "the lists cannot contain null".to_owned()));
            };
            turned.entry(text.clone()).or_default().push(Value::text(key.clone()));
        }
    }
    let list = |mut texts: Vec<Value>| {
        texts.sort_by(order::compare);
        Value::new(Shape::List(Arc::new(texts), Arc::new(Type::String)))
    };
    let turned = turned.into_iter().map(|(key, texts)| (key, list(texts))).collect();
    let element = Type::List(Type::String.into());
    Ok(Value::new(Shape::Map(Arc::new(turned), Arc::new(element))))
}

fn values(arguments: &Arguments<'_>) -> Outcome {
    let map = arguments.value(0);
    let entries = map.entries().ok_or_else(|| wants_map(0))?;
    let values: Vec<Value> = entries.values().cloned().collect();
    Ok(match type_of(&map) {
        Type::Map(element) => Value::new(Shape::List(Arc::new(values), element)),
        _ => Value::tuple(values),
    })
}

fn zipmap(arguments: &Arguments<'_>) -> Outcome {
    let keys = arguments.elements(0);
    let list = arguments.value(1);
    let Some(values) = list.elements().filter(|_| !matches!(list.shape, Shape::Set(..))) else {
        return Err(Failure::Argument(1, "a list or tuple is required".to_owned()));
    };
    if keys.len() != values.len() {
        let text = format!("there are {} keys, but {} values", keys.len(), values.len());
        return Err(Failure::Call(text));
    }
    let mut map = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        let Shape::Text(key) = &key.shape else {
            return Err(Failure::Argument(0, "a key cannot be null".to_owned()));
        };
        map.insert(key.clone(), value.clone());
    }
    Ok(match &list.shape {
        Shape::List(_, element) => Value::new(Shape::Map(Arc::new(map), element.clone())),
        _ => Value::object(map),
    })
}
