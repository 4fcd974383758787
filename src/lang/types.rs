//! Type constraints: from expressions such as `list(object({ name = string }))` to types. It evaluates no references.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluator, Frames, Reported, Resolved, Scope};
use crate::lang::expr::{Call, Expr, Key, Node, Reference};
use crate::lang::files::NoFiles;
use crate::lang::value::{ObjectAttribute, Presence, Type, Value};

/// The type that an expression describes.
///
/// # Errors
/// When it describes none.
pub fn constraint(expr: &Expr) -> Result<Type, Diagnostics> {
    match &expr.node {
        Node::Reference(Reference { root, steps }) if steps.is_empty() => primitive(&root.value, expr.span),
        Node::Call(call) => constructor(call, expr.span),
        Node::Parenthesis(inner) => constraint(inner),
        node => {
            let required = refuse(expr.span, "a type is required, such as `string` or `list(number)`");
            let quoted = match node {
                Node::Literal(value) => value.as_text(),
                _ => None,
            };
            Err(match quoted {
                Some("list" | "map" | "set") => required.hint(format!(
                    "types stand without quotes, with the type of their elements: `{}(string)`",
                    quoted.unwrap_or_default()
                )),
                Some(name) if NAMES.contains(&name) => required.hint(format!("types stand without quotes: `{name}`")),
                Some(_) | None => required,
            }
            .into())
        }
    }
}

/// The value of an expression that may not refer to anything.
///
/// # Errors
/// When it refers to something or has no value.
pub fn constant(expr: &Expr) -> Result<Value, Diagnostics> {
    let evaluator = Evaluator::new(&Nothing, &NoFiles);
    let value = evaluator.eval(expr);
    let found = evaluator.take_found();
    match value {
        Ok(value) if !found.has_errors() => Ok(value),
        Ok(_) | Err(_) => Err(found),
    }
}

/// The scope of a place where nothing can be referred to.
pub(super) struct Nothing;

impl Scope for Nothing {
    fn resolve(
        &self,
        reference: &Reference,
        evaluator: &Evaluator<'_>,
        _frames: Frames<'_>,
    ) -> Result<Resolved, Reported> {
        let name = &reference.root.value;
        Err(evaluator.fail(
            Diagnostic::error(code::MISPLACED, "reference in a constant place")
                .at(reference.root.span, "nothing can be referred to here")
                .hint(format!("for the text itself write \"{name}\" in quotes")),
        ))
    }
}

fn refuse(span: Span, text: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code::TYPE_SYNTAX, "invalid type").at(span, text)
}

const NAMES: [&str; 9] = [
    "string", "number", "bool", "any", "list", "set", "map", "object", "tuple",
];

fn primitive(name: &str, span: Span) -> Result<Type, Diagnostics> {
    match name {
        "string" => Ok(Type::String),
        "number" => Ok(Type::Number),
        "bool" => Ok(Type::Bool),
        "any" => Ok(Type::Any),
        "list" | "set" | "map" => {
            Err(refuse(span, format!("the type of the elements is missing: `{name}(string)`")).into())
        }
        "object" => Err(refuse(span, "the attributes are missing: `object({ name = string })`").into()),
        "tuple" => Err(refuse(span, "the types of the elements are missing: `tuple([string, number])`").into()),
        name => Err(refuse(span, format!("there is no type `{name}`"))
            .suggest(name, NAMES)
            .into()),
    }
}

fn constructor(call: &Call, span: Span) -> Result<Type, Diagnostics> {
    let only = || match call.arguments.as_slice() {
        [only] => Ok(only),
        _ => Err(Diagnostics::from(refuse(
            span,
            format!("`{}` takes one argument", call.name.value),
        ))),
    };
    match &*call.name.value {
        "list" => Ok(Type::List(constraint(only()?)?.into())),
        "set" => Ok(Type::Set(constraint(only()?)?.into())),
        "map" => Ok(Type::Map(constraint(only()?)?.into())),
        "tuple" => {
            let Node::Tuple(elements) = &only()?.node else {
                return Err(refuse(span, "`tuple` wants the types of its elements in brackets").into());
            };
            let mut found = Diagnostics::new();
            let types = elements
                .iter()
                .filter_map(|element| found.absorb(constraint(element)))
                .collect();
            found.or(Type::Tuple(Arc::new(types))).map(|(ty, _)| ty)
        }
        "object" => {
            let Node::Object(items) = &only()?.node else {
                return Err(refuse(span, "`object` wants its attributes in braces").into());
            };
            object(items)
        }
        "optional" => Err(refuse(span, "`optional` only stands for an attribute of an object").into()),
        name => Err(refuse(call.name.span, format!("there is no type `{name}`"))
            .suggest(name, NAMES)
            .into()),
    }
}

fn object(items: &[(Key, Expr)]) -> Result<Type, Diagnostics> {
    let mut attributes = BTreeMap::new();
    let mut found = Diagnostics::new();
    for (key, value) in items {
        let name = match key {
            Key::Name(name) => name.value.clone(),
            Key::Computed(key) => {
                let text = found.absorb(constant(key)).and_then(|key| key.as_text().map(Arc::from));
                let Some(text) = text else {
                    found.push(refuse(key.span, "the name of an attribute is required"));
                    continue;
                };
                text
            }
        };
        if let Some(attribute) = found.absorb(attribute(value)) {
            attributes.insert(name, attribute);
        }
    }
    found.or(Type::Object(Arc::new(attributes))).map(|(ty, _)| ty)
}

fn attribute(value: &Expr) -> Result<ObjectAttribute, Diagnostics> {
    let Node::Call(call) = &value.node else {
        return Ok(ObjectAttribute {
            ty: constraint(value)?,
            presence: Presence::Required,
        });
    };
    if &*call.name.value != "optional" {
        return Ok(ObjectAttribute {
            ty: constraint(value)?,
            presence: Presence::Required,
        });
    }
    match call.arguments.as_slice() {
        [ty] => Ok(ObjectAttribute {
            ty: constraint(ty)?,
            presence: Presence::Optional,
        }),
        [ty, default] => {
            let ty = constraint(ty)?;
            let given = constant(default)?;
            let given = convert(&given, &ty).map_err(|error| {
                let text = format!("the default does not fit its type: {error}");
                Diagnostic::error(code::CONVERSION, "wrong type").at(default.span, text)
            })?;
            Ok(ObjectAttribute {
                ty,
                presence: Presence::Default(given),
            })
        }
        _ => Err(refuse(value.span, "`optional` takes a type and perhaps a default").into()),
    }
}

/// The type as it is written in a configuration.
pub fn written(ty: &Type) -> String {
    match ty {
        Type::Any => "any".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Number => "number".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(element) => format!("list({})", written(element)),
        Type::Set(element) => format!("set({})", written(element)),
        Type::Map(element) => format!("map({})", written(element)),
        Type::Tuple(elements) => {
            let elements: Vec<_> = elements.iter().map(written).collect();
            format!("tuple([{}])", elements.join(", "))
        }
        Type::Object(attributes) => {
            let attribute = |(name, attribute): (&Arc<str>, &ObjectAttribute)| match attribute.presence {
                Presence::Required => format!("{name} = {}", written(&attribute.ty)),
                Presence::Optional | Presence::Default(_) => format!("{name} = optional({})", written(&attribute.ty)),
            };
            let attributes: Vec<_> = attributes.iter().map(attribute).collect();
            format!("object({{ {} }})", attributes.join(", "))
        }
    }
}
