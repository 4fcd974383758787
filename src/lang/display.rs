//! Values as text, byte for byte as `terraform console` prints them. Sensitive and ephemeral values are never shown.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::address::is_printable;
use crate::lang::convert::described;
use crate::lang::value::{Shape, Type, Value};

/// Shows a value as `terraform console` does.
pub struct Displayed<'v>(pub &'v Value);

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self.0, 0)
    }
}

/// Shows a type as `type(…)` in `terraform console` does.
pub struct DisplayedType<'t>(pub &'t Type);

impl fmt::Display for DisplayedType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_type(f, self.0, 0)
    }
}

fn write_type(f: &mut fmt::Formatter<'_>, ty: &Type, indent: usize) -> fmt::Result {
    let inner = indent + 4;
    let collection = |f: &mut fmt::Formatter<'_>, name: &str, element: &Type| match element {
        Type::Tuple(_) | Type::Object(_) => {
            write!(f, "{name}(\n{:inner$}", "")?;
            write_type(f, element, inner)?;
            write!(f, ",\n{:indent$})", "")
        }
        Type::Any | Type::Bool | Type::Number | Type::String | Type::List(_) | Type::Set(_) | Type::Map(_) => {
            write!(f, "{name}(")?;
            write_type(f, element, indent)?;
            f.write_str(")")
        }
    };
    match ty {
        Type::Any => f.write_str("dynamic"),
        Type::Bool => f.write_str("bool"),
        Type::Number => f.write_str("number"),
        Type::String => f.write_str("string"),
        Type::List(element) => collection(f, "list", element),
        Type::Set(element) => collection(f, "set", element),
        Type::Map(element) => collection(f, "map", element),
        Type::Tuple(elements) if elements.is_empty() => f.write_str("tuple([])"),
        Type::Tuple(elements) => {
            f.write_str("tuple([")?;
            for element in elements.iter() {
                write!(f, "\n{:inner$}", "")?;
                write_type(f, element, inner)?;
                f.write_str(",")?;
            }
            write!(f, "\n{:indent$}])", "")
        }
        Type::Object(attributes) if attributes.is_empty() => f.write_str("object({})"),
        Type::Object(attributes) => {
            f.write_str("object({")?;
            for (name, attribute) in attributes.iter() {
                write!(f, "\n{:inner$}{name}: ", "")?;
                write_type(f, &attribute.ty, inner)?;
                f.write_str(",")?;
            }
            write!(f, "\n{:indent$}}})", "")
        }
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &Value, indent: usize) -> fmt::Result {
    if value.is_unknown() {
        return f.write_str("(known after apply)");
    }
    if let Some(stand_in) = value.marks.stand_in() {
        return f.write_str(stand_in);
    }
    match &value.shape {
        Shape::Unknown(_) => f.write_str("(known after apply)"),
        Shape::Null(ty) => write_null(f, ty),
        Shape::Bool(truth) => write!(f, "{truth}"),
        Shape::Number(number) => write!(f, "{number}"),
        Shape::Text(text) if text.contains('\n') => write_lines(f, text, indent),
        Shape::Text(text) => write_quoted(f, text),
        Shape::Tuple(elements) => write_sequence(f, elements, indent),
        Shape::List(elements, _) => {
            f.write_str("tolist(")?;
            write_sequence(f, elements, indent)?;
            f.write_str(")")
        }
        Shape::Set(elements, _) => {
            f.write_str("toset(")?;
            write_sequence(f, elements, indent)?;
            f.write_str(")")
        }
        Shape::Map(entries, _) => {
            f.write_str("tomap(")?;
            write_entries(f, entries, indent)?;
            f.write_str(")")
        }
        Shape::Object(entries) => write_entries(f, entries, indent),
        Shape::Resource(resource) => write_entries(f, &resource.attributes, indent),
    }
}

fn write_null(f: &mut fmt::Formatter<'_>, ty: &Type) -> fmt::Result {
    match ty {
        Type::Any => f.write_str("null"),
        Type::String => f.write_str("tostring(null)"),
        Type::Number => f.write_str("tonumber(null)"),
        Type::Bool => f.write_str("tobool(null)"),
        Type::List(element) => write!(f, "tolist(null) /* of {} */", friendly(element)),
        Type::Set(element) => write!(f, "toset(null) /* of {} */", friendly(element)),
        Type::Map(element) => write!(f, "tomap(null) /* of {} */", friendly(element)),
        Type::Tuple(_) | Type::Object(_) => write!(f, "null /* {} */", friendly(ty)),
    }
}

fn friendly(ty: &Type) -> String {
    match ty {
        Type::Any => "dynamic".to_owned(),
        ty => described(ty).into_owned(),
    }
}

fn new_line(f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
    write!(f, "\n{:indent$}", "")
}

fn write_sequence(f: &mut fmt::Formatter<'_>, elements: &[Value], indent: usize) -> fmt::Result {
    f.write_str("[")?;
    for element in elements {
        new_line(f, indent + 2)?;
        write_value(f, element, indent + 2)?;
        f.write_str(",")?;
    }
    if !elements.is_empty() {
        new_line(f, indent)?;
    }
    f.write_str("]")
}

fn write_entries(f: &mut fmt::Formatter<'_>, entries: &BTreeMap<Arc<str>, Value>, indent: usize) -> fmt::Result {
    f.write_str("{")?;
    for (key, value) in entries {
        new_line(f, indent + 2)?;
        if key.contains('\n') {
            write_lines(f, key, indent + 2)?;
        } else {
            write_quoted(f, key)?;
        }
        f.write_str(" = ")?;
        write_value(f, value, indent + 2)?;
    }
    if !entries.is_empty() {
        new_line(f, indent)?;
    }
    f.write_str("}")
}

/// A text of several lines as a heredoc whose closing word no line has.
fn write_lines(f: &mut fmt::Formatter<'_>, text: &str, indent: usize) -> fmt::Result {
    let mut delimiter = "EOT".to_owned();
    while text.split('\n').any(|line| line.trim() == delimiter) {
        delimiter.push('_');
    }
    write!(f, "{}{delimiter}", if indent > 0 { "<<-" } else { "<<" })?;
    for line in text.split('\n').chain([delimiter.as_str()]) {
        new_line(f, indent)?;
        f.write_str(line)?;
    }
    Ok(())
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&quoted(text))
}

/// The text in quotes with Go's escapes, as `%q` and the console write it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if is_printable(c) => quoted.push(c),
            // Writing to a `String` cannot fail.
            c if u32::from(c) < 0x80 => drop(write!(quoted, "\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x1_0000 => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => drop(write!(quoted, "\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}
