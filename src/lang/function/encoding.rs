//! Functions that write values as JSON, Base64 or URL text, and read them.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::lang::csv;
use crate::lang::function::charset::Charset;
use crate::lang::function::string::text;
use crate::lang::function::yaml;
use crate::lang::function::{Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::json;
use crate::lang::value::{Shape, Type, Value};

const TEXT: Parameter = Parameter::new("str", Wants::String);
const ENCODING: Parameter = Parameter::new("encoding", Wants::String);
const STRING: Returns = Returns::Always(Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "base64decode",
        "The text that Base64 stands for.",
        &[TEXT],
        STRING,
        |a| {
            let bytes = STANDARD
                .decode(a.text(0).replace(['\r', '\n'], ""))
                .map_err(|_| Failure::Argument(0, "this is not Base64".to_owned()))?;
            let decoded = String::from_utf8(bytes)
                .map_err(|_| Failure::Argument(0, "what it stands for is not UTF-8 text".to_owned()))?;
            text(&decoded)
        },
    ),
    Function::new("base64encode", "The text in Base64.", &[TEXT], STRING, |a| {
        text(&STANDARD.encode(a.text(0)))
    }),
    Function::new(
        "csvdecode",
        "The rows of a CSV text as objects, named by its first row.",
        &[TEXT],
        Returns::By(|_| Type::List(Type::Any.into())),
        |a| csv::decode(a.text(0)).map_err(|problem| Failure::Argument(0, problem)),
    ),
    Function::new(
        "jsondecode",
        "The value that a JSON text stands for.",
        &[TEXT],
        Returns::By(|_| Type::Any),
        |a| json::parse(a.text(0)).map_err(|error| Failure::Argument(0, error.to_string())),
    ),
    Function::new(
        "jsonencode",
        "The value as JSON.",
        &[Parameter::new("val", Wants::Any)
            .nullable()
            .unknowns(Unknowns::StopInside)],
        STRING,
        |a| text(&json_text(&a.value(0)).map_err(|problem| Failure::Argument(0, problem))?),
    ),
    Function::new(
        "textdecodebase64",
        "The text that Base64 of a character set stands for.",
        &[TEXT, ENCODING],
        STRING,
        |a| {
            let set = Charset::named(a.text(1)).map_err(|problem| Failure::Argument(1, problem))?;
            text(&set.decode(a.text(0)).map_err(|problem| Failure::Argument(0, problem))?)
        },
    ),
    Function::new(
        "textencodebase64",
        "The text in a character set, as Base64.",
        &[TEXT, ENCODING],
        STRING,
        |a| {
            let set = Charset::named(a.text(1)).map_err(|problem| Failure::Argument(1, problem))?;
            text(&set.encode(a.text(0)).map_err(|problem| Failure::Argument(0, problem))?)
        },
    ),
    Function::new(
        "urlencode",
        "The text with everything percent-encoded that has a meaning in a URL.",
        &[TEXT],
        STRING,
        |a| url_encoded(a.text(0)),
    ),
    Function::new(
        "yamldecode",
        "The value that a YAML text stands for.",
        &[TEXT],
        Returns::By(|_| Type::Any),
        |a| yaml::decode(a.text(0)).map_err(|problem| Failure::Argument(0, problem)),
    ),
    Function::new(
        "yamlencode",
        "The value as YAML.",
        &[Parameter::new("val", Wants::Any)
            .nullable()
            .unknowns(Unknowns::StopInside)],
        STRING,
        |a| text(&yaml::encode(&a.value(0)).map_err(|problem| Failure::Argument(0, problem))?),
    ),
];

/// The value as JSON in one line, with the escapes of Go.
pub(super) fn json_text(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    write_json(value, &mut text)?;
    Ok(text)
}

fn write_json(value: &Value, text: &mut String) -> Result<(), String> {
    match &value.shape {
        Shape::Unknown(_) => return Err("the value is not known yet".to_owned()),
        Shape::Null(_) => text.push_str("null"),
        Shape::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Shape::Number(number) if !number.is_finite() => return Err("JSON has no infinite numbers".to_owned()),
        Shape::Number(number) => text.push_str(&number.to_string()),
        Shape::Text(content) => write_json_string(content, text),
        Shape::List(elements, _) | Shape::Set(elements, _) | Shape::Tuple(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                write_json(element, text)?;
            }
            text.push(']');
        }
        Shape::Map(..) | Shape::Object(_) | Shape::Resource(_) => {
            text.push('{');
            for (at, (key, element)) in value.entries().into_iter().flatten().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                write_json_string(key, text);
                text.push(':');
                write_json(element, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_json_string(content: &str, text: &mut String) {
    text.push('"');
    for c in content.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Go escapes these so that JSON can stand in HTML and JavaScript.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

fn url_encoded(content: &str) -> Outcome {
    let mut encoded = String::with_capacity(content.len());
    for byte in content.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            // Writing to a `String` cannot fail.
            byte => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    text(&encoded)
}
