//! Conversion of values to types, and the one type that several types have in common. The rules are Terraform's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::lang::order;
use crate::lang::value::{Coming, ObjectAttribute, Presence, Shape, Type, Value};

/// Why a value is not of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConversionError {
    /// Where in the value: `.port`, `[2].name`; empty for the value itself.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.strip_prefix('.').unwrap_or(&self.path) {
            "" => f.write_str(&self.problem),
            path if path.starts_with('[') => write!(f, "element {path}: {}", self.problem),
            path => write!(f, "attribute `{path}`: {}", self.problem),
        }
    }
}

type Converted = Result<Value, ConversionError>;

fn refuse(problem: impl Into<String>) -> ConversionError {
    ConversionError {
        path: String::new(),
        problem: problem.into(),
    }
}

fn within(step: impl fmt::Display) -> impl FnOnce(ConversionError) -> ConversionError {
    move |error| ConversionError {
        path: format!("{step}{}", error.path),
        ..error
    }
}

/// The type of a value.
pub fn type_of(value: &Value) -> Type {
    match &value.shape {
        Shape::Null(ty) => ty.clone(),
        Shape::Bool(_) => Type::Bool,
        Shape::Number(_) => Type::Number,
        Shape::Text(_) => Type::String,
        Shape::List(_, element) => Type::List(element.clone()),
        Shape::Set(_, element) => Type::Set(element.clone()),
        Shape::Map(_, element) => Type::Map(element.clone()),
        Shape::Tuple(elements) => Type::Tuple(Arc::new(elements.iter().map(type_of).collect())),
        Shape::Object(attributes) => object_type(attributes.iter().map(|(name, value)| (name, type_of(value)))),
        Shape::Resource(resource) => {
            object_type(resource.attributes.iter().map(|(name, value)| (name, type_of(value))))
        }
        Shape::Unknown(unknown) => unknown.ty.clone(),
    }
}

/// The object type with these attributes, all of them required.
pub fn object_type<'n>(attributes: impl IntoIterator<Item = (&'n Arc<str>, Type)>) -> Type {
    let required = |ty| ObjectAttribute {
        ty,
        presence: Presence::Required,
    };
    Type::Object(Arc::new(
        attributes
            .into_iter()
            .map(|(name, ty)| (name.clone(), required(ty)))
            .collect(),
    ))
}

/// The value as a value of that type.
///
/// # Errors
/// When there is no such conversion, or not for this value.
pub fn convert(value: &Value, ty: &Type) -> Converted {
    if let Some(same) = already(value, ty) {
        return Ok(same);
    }
    let marks = value.marks;
    let converted = match &value.shape {
        Shape::Null(_) => Ok(Value::new(Shape::Null(settled(ty, &Type::Any)))),
        Shape::Unknown(unknown) => convert_unknown(value, &unknown.ty, ty),
        Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) => convert_primitive(value, ty),
        Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => {
            convert_sequence(value, elements, ty)
        }
        Shape::Map(entries, _) | Shape::Object(entries) => convert_entries(value, entries, ty),
        Shape::Resource(resource) => convert_entries(value, &resource.attributes, ty),
    };
    match converted {
        Ok(converted) => Ok(converted.marked(marks)),
        // The path leads through keys, and the problem may quote the content.
        Err(_) if marks.hide() => Err(refuse(format!("{} is required", described(ty)))),
        Err(error) => Err(error),
    }
}

/// The value itself, where nothing needs to be done.
fn already(value: &Value, ty: &Type) -> Option<Value> {
    let same = match (&value.shape, ty) {
        (Shape::Null(Type::Any), _) => false,
        (_, Type::Any) => true,
        (Shape::Bool(_), Type::Bool) | (Shape::Number(_), Type::Number) | (Shape::Text(_), Type::String) => true,
        (Shape::List(_, has), Type::List(wants))
        | (Shape::Set(_, has), Type::Set(wants))
        | (Shape::Map(_, has), Type::Map(wants)) => has == wants && !has_any(has) && !has_optional(wants),
        _ => false,
    };
    same.then(|| value.clone())
}

fn has_optional(ty: &Type) -> bool {
    match ty {
        Type::Any | Type::Bool | Type::Number | Type::String => false,
        Type::List(element) | Type::Set(element) | Type::Map(element) => has_optional(element),
        Type::Tuple(elements) => elements.iter().any(has_optional),
        Type::Object(attributes) => attributes
            .values()
            .any(|attribute| attribute.presence != Presence::Required || has_optional(&attribute.ty)),
    }
}

/// Whether part of the type is still open.
pub fn has_any(ty: &Type) -> bool {
    match ty {
        Type::Any => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(element) | Type::Set(element) | Type::Map(element) => has_any(element),
        Type::Tuple(elements) => elements.iter().any(has_any),
        Type::Object(attributes) => attributes.values().any(|attribute| has_any(&attribute.ty)),
    }
}

/// The wanted type with its open parts taken from what is there.
fn settled(wanted: &Type, has: &Type) -> Type {
    match (wanted, has) {
        (Type::Any, has) => has.clone(),
        (Type::List(wanted), Type::List(has) | Type::Set(has)) => Type::List(Arc::new(settled(wanted, has))),
        (Type::Set(wanted), Type::List(has) | Type::Set(has)) => Type::Set(Arc::new(settled(wanted, has))),
        (Type::Map(wanted), Type::Map(has)) => Type::Map(Arc::new(settled(wanted, has))),
        (Type::Object(attributes), _) => Type::Object(Arc::new(
            attributes
                .iter()
                .map(|(name, attribute)| {
                    (
                        name.clone(),
                        ObjectAttribute {
                            ty: attribute.ty.clone(),
                            presence: Presence::Required,
                        },
                    )
                })
                .collect(),
        )),
        (wanted, _) => wanted.clone(),
    }
}

fn convert_unknown(value: &Value, has: &Type, wanted: &Type) -> Converted {
    if !convertible(has, wanted) {
        return Err(mismatch(has, wanted));
    }
    let Shape::Unknown(unknown) = &value.shape else {
        return Err(mismatch(has, wanted));
    };
    let mut unknown = unknown.clone();
    let ty = settled(wanted, has);
    // A residual names a text or number that the service will give; it stays what it is as a text.
    if unknown.ty != ty && !matches!(ty, Type::Any | Type::String) {
        unknown.comes = Coming::Untold;
    }
    unknown.ty = ty;
    Ok(Value::new(Shape::Unknown(unknown)))
}

fn convert_primitive(value: &Value, ty: &Type) -> Converted {
    let has = type_of(value);
    match (&value.shape, ty) {
        (Shape::Number(number), Type::String) => Ok(Value::text(number.to_string())),
        (Shape::Bool(truth), Type::String) => Ok(Value::text(if *truth { "true" } else { "false" })),
        (Shape::Text(text), Type::Number) => match text.parse() {
            Ok(number) => Ok(Value::new(Shape::Number(number))),
            Err(error) => Err(refuse(error.to_string())),
        },
        (Shape::Text(text), Type::Bool) => match &**text {
            "true" | "1" => Ok(Value::bool(true)),
            "false" | "0" => Ok(Value::bool(false)),
            text if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => Err(refuse(format!(
                "a bool is required; to convert from string, use lowercase \"{}\"",
                text.to_ascii_lowercase()
            ))),
            _ => Err(refuse("a bool is required")),
        },
        _ => Err(mismatch(&has, ty)),
    }
}

fn convert_sequence(value: &Value, elements: &[Value], ty: &Type) -> Converted {
    match ty {
        Type::List(wanted) => {
            let (elements, element) = convert_elements(elements, wanted, open_element(value))?;
            Ok(Value::new(Shape::List(Arc::new(elements), Arc::new(element))))
        }
        Type::Set(wanted) => {
            let (elements, element) = convert_elements(elements, wanted, open_element(value))?;
            Ok(order::set(elements, element))
        }
        Type::Tuple(wanted) => {
            if matches!(value.shape, Shape::Set(..)) || wanted.len() != elements.len() {
                return Err(mismatch(&type_of(value), ty));
            }
            let converted = elements.iter().zip(wanted.iter()).enumerate();
            let elements = converted
                .map(|(at, (element, ty))| convert(element, ty).map_err(within(format!("[{at}]"))))
                .collect::<Result<_, _>>()?;
            Ok(Value::tuple(elements))
        }
        Type::Any | Type::Bool | Type::Number | Type::String | Type::Map(_) | Type::Object(_) => {
            Err(mismatch(&type_of(value), ty))
        }
    }
}

/// The element type of a list or set, where it has one.
fn open_element(value: &Value) -> Type {
    match &value.shape {
        Shape::List(_, element) | Shape::Set(_, element) | Shape::Map(_, element) => element.as_ref().clone(),
        _ => Type::Any,
    }
}

fn convert_elements(elements: &[Value], wanted: &Type, has: Type) -> Result<(Vec<Value>, Type), ConversionError> {
    let element = element_type(elements.iter(), wanted, has)?;
    let converted = elements.iter().enumerate();
    let converted = converted
        .map(|(at, value)| convert(value, &element).map_err(within(format!("[{at}]"))))
        .collect::<Result<Vec<_>, _>>()?;
    let element = converted.first().filter(|_| has_any(&element)).map_or(element, type_of);
    Ok((converted, without_optional(element)))
}

/// The element type of the result: what is wanted, or what all elements have in common.
fn element_type<'v>(
    elements: impl Iterator<Item = &'v Value> + Clone,
    wanted: &Type,
    has: Type,
) -> Result<Type, ConversionError> {
    if !matches!(wanted, Type::Any) {
        return Ok(wanted.clone());
    }
    // A null without a type takes on that of the others.
    let types = distinct(elements.clone().filter(|value| !value.is_null()).map(type_of));
    let types = if types.is_empty() {
        distinct(elements.map(type_of))
    } else {
        types
    };
    if types.is_empty() {
        return Ok(has);
    }
    unify(&types).ok_or_else(|| refuse("all elements must have the same type"))
}

fn distinct(types: impl Iterator<Item = Type>) -> Vec<Type> {
    let mut distinct: Vec<Type> = Vec::new();
    for ty in types {
        if !distinct.contains(&ty) {
            distinct.push(ty);
        }
    }
    distinct
}

/// A value's type knows no optional attributes.
fn without_optional(ty: Type) -> Type {
    if !has_optional(&ty) {
        return ty;
    }
    match ty {
        Type::List(element) => Type::List(Arc::new(without_optional(element.as_ref().clone()))),
        Type::Set(element) => Type::Set(Arc::new(without_optional(element.as_ref().clone()))),
        Type::Map(element) => Type::Map(Arc::new(without_optional(element.as_ref().clone()))),
        Type::Tuple(elements) => Type::Tuple(Arc::new(elements.iter().cloned().map(without_optional).collect())),
        Type::Object(attributes) => object_type(
            attributes
                .iter()
                .map(|(name, attribute)| (name, without_optional(attribute.ty.clone()))),
        ),
        ty @ (Type::Any | Type::Bool | Type::Number | Type::String) => ty,
    }
}

fn convert_entries(value: &Value, entries: &BTreeMap<Arc<str>, Value>, ty: &Type) -> Converted {
    match ty {
        Type::Map(wanted) => {
            let element = element_type(entries.values(), wanted, open_element(value))?;
            let converted = entries
                .iter()
                .map(|(key, value)| {
                    Ok((
                        key.clone(),
                        convert(value, &element).map_err(within(format!("[\"{key}\"]")))?,
                    ))
                })
                .collect::<Result<BTreeMap<_, _>, _>>()?;
            let settled = converted.values().next().filter(|_| has_any(&element)).map(type_of);
            let element = without_optional(settled.unwrap_or(element));
            Ok(Value::new(Shape::Map(Arc::new(converted), Arc::new(element))))
        }
        Type::Object(wanted) => convert_object(entries, wanted),
        Type::Any | Type::Bool | Type::Number | Type::String | Type::List(_) | Type::Set(_) | Type::Tuple(_) => {
            Err(mismatch(&type_of(value), ty))
        }
    }
}

fn convert_object(entries: &BTreeMap<Arc<str>, Value>, wanted: &BTreeMap<Arc<str>, ObjectAttribute>) -> Converted {
    let mut object = BTreeMap::new();
    for (name, attribute) in wanted {
        let given = entries.get(name);
        let converted = match (given, &attribute.presence) {
            (Some(value), Presence::Default(default)) if value.is_null() => convert(default, &attribute.ty),
            (Some(value), _) => convert(value, &attribute.ty),
            (None, Presence::Required) => return Err(refuse(format!("attribute `{name}` is required"))),
            (None, Presence::Optional) => convert(&Value::null(), &attribute.ty),
            (None, Presence::Default(default)) => convert(default, &attribute.ty),
        };
        object.insert(name.clone(), converted.map_err(within(format!(".{name}")))?);
    }
    Ok(Value::object(object))
}

fn mismatch(has: &Type, wanted: &Type) -> ConversionError {
    refuse(match (has, wanted) {
        (Type::Object(_), Type::Object(_)) => "the attributes do not fit".to_owned(),
        (Type::Tuple(has), Type::Tuple(wanted)) => {
            format!("tuple of {} elements is required, not of {}", wanted.len(), has.len())
        }
        _ => format!("{} is required", described(wanted)),
    })
}

fn collection(name: &'static str, element: &Type) -> Cow<'static, str> {
    match element {
        Type::Any => name.into(),
        element => format!("{name} of {}", described(element)).into(),
    }
}

/// A type in a few words: `string`, `list of number`, `object`.
pub fn described(ty: &Type) -> Cow<'static, str> {
    match ty {
        Type::Any => "a value".into(),
        Type::Bool => "bool".into(),
        Type::Number => "number".into(),
        Type::String => "string".into(),
        Type::List(element) => collection("list", element),
        Type::Set(element) => collection("set", element),
        Type::Map(element) => collection("map", element),
        Type::Tuple(_) => "tuple".into(),
        Type::Object(_) => "object".into(),
    }
}

/// Whether values of one type may be converted to another; single values may still be refused.
pub fn convertible(has: &Type, wanted: &Type) -> bool {
    match (has, wanted) {
        (_, Type::Any) | (Type::Any, _) => true,
        (Type::Bool, Type::Bool) | (Type::Number, Type::Number) => true,
        (Type::Bool | Type::Number | Type::String, Type::String) => true,
        (Type::String, Type::Bool | Type::Number) => true,
        (Type::List(has) | Type::Set(has), Type::List(wanted) | Type::Set(wanted)) => convertible(has, wanted),
        (Type::Map(has), Type::Map(wanted)) => convertible(has, wanted),
        (Type::Tuple(has), Type::List(wanted) | Type::Set(wanted)) => has.iter().all(|has| convertible(has, wanted)),
        (Type::Tuple(has), Type::Tuple(wanted)) => {
            has.len() == wanted.len()
                && has
                    .iter()
                    .zip(wanted.iter())
                    .all(|(has, wanted)| convertible(has, wanted))
        }
        (Type::Object(has), Type::Map(wanted)) => has.values().all(|has| convertible(&has.ty, wanted)),
        (Type::Object(has), Type::Object(wanted)) => wanted.iter().all(|(name, wanted)| match has.get(name) {
            Some(has) => convertible(&has.ty, &wanted.ty),
            None => wanted.presence != Presence::Required,
        }),
        (Type::Map(has), Type::Object(wanted)) => wanted.values().all(|wanted| convertible(has, &wanted.ty)),
        (
            Type::Bool
            | Type::Number
            | Type::String
            | Type::List(_)
            | Type::Set(_)
            | Type::Map(_)
            | Type::Tuple(_)
            | Type::Object(_),
            _,
        ) => false,
    }
}

/// Whether every value of one type has a counterpart in the other.
fn safely_convertible(has: &Type, wanted: &Type) -> bool {
    match (has, wanted) {
        (Type::String, Type::Bool | Type::Number) => false,
        (Type::List(has) | Type::Set(has), Type::List(wanted) | Type::Set(wanted))
        | (Type::Map(has), Type::Map(wanted)) => safely_convertible(has, wanted),
        _ => convertible(has, wanted),
    }
}

/// The type that values of all these types can be converted to.
pub fn unify(types: &[Type]) -> Option<Type> {
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|ty| ty == first) {
        return Some(first.clone());
    }
    let count = |wanted: fn(&Type) -> bool| types.iter().filter(|ty| wanted(ty)).count();
    let any = count(|ty| matches!(ty, Type::Any));
    let lists = count(|ty| matches!(ty, Type::List(_)));
    let sets = count(|ty| matches!(ty, Type::Set(_)));
    let maps = count(|ty| matches!(ty, Type::Map(_)));
    let objects = count(|ty| matches!(ty, Type::Object(_)));
    let tuples = count(|ty| matches!(ty, Type::Tuple(_)));
    let all = types.len();
    if maps > 0 && maps + objects + any == all {
        if any > 0 && objects == 0 {
            return Some(Type::Any);
        }
        return unify_elements(types).map(|element| Type::Map(Arc::new(element)));
    }
    if lists > 0 && lists + tuples + any == all {
        if any > 0 {
            return Some(Type::Any);
        }
        return unify_elements(types).map(|element| Type::List(Arc::new(element)));
    }
    if sets > 0 && sets + any == all {
        if any > 0 {
            return Some(Type::Any);
        }
        return unify_elements(types).map(|element| Type::Set(Arc::new(element)));
    }
    if any > 0 {
        return Some(Type::Any);
    }
    if objects == all {
        return unify_objects(types);
    }
    if tuples == all {
        return unify_tuples(types);
    }
    let safe = types
        .iter()
        .find(|wanted| types.iter().all(|has| safely_convertible(has, wanted)));
    safe.or_else(|| {
        types
            .iter()
            .find(|wanted| types.iter().all(|has| convertible(has, wanted)))
    })
    .cloned()
}

/// What the elements of collections, tuples and objects have in common.
fn unify_elements(types: &[Type]) -> Option<Type> {
    let mut elements: Vec<Type> = Vec::new();
    for ty in types {
        match ty {
            Type::List(element) | Type::Set(element) | Type::Map(element) => elements.push(element.as_ref().clone()),
            Type::Tuple(parts) => elements.extend(parts.iter().cloned()),
            Type::Object(attributes) => elements.extend(attributes.values().map(|attribute| attribute.ty.clone())),
            Type::Any | Type::Bool | Type::Number | Type::String => {}
        }
    }
    let elements = distinct(elements.into_iter());
    if elements.is_empty() {
        Some(Type::Any)
    } else {
        unify(&elements)
    }
}

fn unify_objects(types: &[Type]) -> Option<Type> {
    let objects: Vec<_> = types
        .iter()
        .filter_map(|ty| match ty {
            Type::Object(attributes) => Some(attributes),
            _ => None,
        })
        .collect();
    let (first, rest) = objects.split_first()?;
    if !rest.iter().all(|other| other.keys().eq(first.keys())) {
        // Objects of different shapes may still be one map.
        return unify_elements(types).map(|element| Type::Map(Arc::new(element)));
    }
    let mut unified = BTreeMap::new();
    for name in first.keys() {
        let of =
            |object: &&Arc<BTreeMap<Arc<str>, ObjectAttribute>>| object.get(name).map(|attribute| attribute.ty.clone());
        let ty = unify(&distinct(objects.iter().filter_map(of)))?;
        unified.insert(
            name.clone(),
            ObjectAttribute {
                ty,
                presence: Presence::Required,
            },
        );
    }
    Some(Type::Object(Arc::new(unified)))
}

fn unify_tuples(types: &[Type]) -> Option<Type> {
    let tuples: Vec<_> = types
        .iter()
        .filter_map(|ty| match ty {
            Type::Tuple(elements) => Some(elements),
            _ => None,
        })
        .collect();
    let (first, rest) = tuples.split_first()?;
    if !rest.iter().all(|other| other.len() == first.len()) {
        return unify_elements(types).map(|element| Type::List(Arc::new(element)));
    }
    let at = |at: usize| unify(&distinct(tuples.iter().filter_map(|tuple| tuple.get(at).cloned())));
    let elements = (0..first.len()).map(at).collect::<Option<Vec<_>>>()?;
    Some(Type::Tuple(Arc::new(elements)))
}
