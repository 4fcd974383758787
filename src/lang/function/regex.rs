//! Regular expressions in the syntax of Go, which Terraform uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use crate::lang::convert::type_of;
use crate::lang::function::string::text;
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::{Shape, Type, Value};

const PATTERN: Parameter = Parameter::new("pattern", Wants::String);
const TEXT: Parameter = Parameter::new("string", Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "regex",
        "The first part of the text that matches a pattern: the text, a tuple of its groups, or an object of its named \
         groups.",
        &[PATTERN, TEXT],
        Returns::By(|_| Type::Any),
        first,
    ),
    Function::new(
        "regexall",
        "All parts of the text that match a pattern, each as `regex` gives it.",
        &[PATTERN, TEXT],
        Returns::By(|_| Type::List(Type::Any.into())),
        every,
    ),
    Function::new(
        "replace",
        "The text with every occurrence of a part, or of a pattern between slashes, replaced.",
        &[
            Parameter::new("str", Wants::String),
            Parameter::new("substr", Wants::String),
            Parameter::new("replace", Wants::String),
        ],
        Returns::Always(Wants::String),
        replace,
    ),
];

fn compile(pattern: &str, at: usize) -> Result<Regex, Failure> {
    RegexBuilder::new(&translated(pattern)).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        let reason = last.strip_prefix("error: ").unwrap_or(last);
        Failure::Argument(at, format!("this is no regular expression: {reason}"))
    })
}

/// The pattern in the syntax of the `regex` crate: Go's `\d`, `\s`, `\w` and `\b` know ASCII only, `\Q…\E` quotes, and
/// inside of brackets nothing but `[:name:]` nests and no signs are doubled.
fn translated(pattern: &str) -> String {
    let mut result = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut first_in_class = false;
    while let Some(c) = chars.next() {
        let opening = std::mem::take(&mut first_in_class);
        match c {
            '\\' => match chars.next() {
                Some('Q') => {
                    let mut quoted = String::new();
                    while let Some(c) = chars.next() {
                        if c == '\\' && chars.next_if_eq(&'E').is_some() {
                            break;
                        }
                        quoted.push(c);
                    }
                    result.push_str(&regex::escape(&quoted));
                }
                Some(escape) => result.push_str(&ascii_class(escape, in_class)),
                None => result.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                first_in_class = true;
                result.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    result.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => {
                result.push('[');
                for c in chars.by_ref() {
                    result.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            ']' if in_class && !opening => {
                in_class = false;
                result.push(']');
            }
            '[' | ']' | '&' | '~' if in_class => {
                result.push('\\');
                result.push(c);
            }
            '-' if in_class && chars.peek() == Some(&'-') => result.push_str("\\-"),
            c => result.push(c),
        }
    }
    result
}

fn ascii_class(escape: char, in_class: bool) -> String {
    let (class, negated) = match escape {
        'd' | 'D' => ("0-9", escape == 'D'),
        's' | 'S' => ("\\t\\n\\f\\r ", escape == 'S'),
        'w' | 'W' => ("0-9A-Za-z_", escape == 'W'),
        'b' | 'B' if !in_class => return format!("(?-u:\\{escape})"),
        other => return format!("\\{other}"),
    };
    match (in_class, negated) {
        (true, false) => class.to_owned(),
        (false, false) => format!("[{class}]"),
        (_, true) => format!("[^{class}]"),
    }
}

/// What a match stands for: the whole text, a tuple of groups, or an object of named groups.
enum Groups {
    None,
    Unnamed,
    Named(Vec<Arc<str>>),
}

fn groups(regex: &Regex) -> Result<Groups, Failure> {
    let names: Vec<Option<&str>> = regex.capture_names().skip(1).collect();
    let named: Vec<Arc<str>> = names.iter().flatten().map(|name| Arc::from(*name)).collect();
    match (names.len(), named.len()) {
        (0, _) => Ok(Groups::None),
        (_, 0) => Ok(Groups::Unnamed),
        (all, some) if all == some => Ok(Groups::Named(named)),
        _ => Err(Failure::Argument(
            0,
            "named and unnamed groups cannot be mixed".to_owned(),
        )),
    }
}

fn matched(groups: &Groups, captures: &Captures<'_>) -> Value {
    let group = |text: Option<regex::Match<'_>>| match text {
        Some(text) => Value::text(text.as_str()),
        None => Value::new(Shape::Null(Type::String)),
    };
    match groups {
        Groups::None => group(captures.get(0)),
        Groups::Unnamed => Value::tuple(captures.iter().skip(1).map(group).collect()),
        Groups::Named(names) => {
            let object: BTreeMap<_, _> = names
                .iter()
                .map(|name| (name.clone(), group(captures.name(name))))
                .collect();
            Value::object(object)
        }
    }
}

fn first(arguments: &Arguments<'_>) -> Outcome {
    let regex = compile(arguments.text(0), 0)?;
    let groups = groups(&regex)?;
    match regex.captures(arguments.text(1)) {
        Some(captures) => Ok(matched(&groups, &captures)),
        None => Err(Failure::Call("no part of the text matches the pattern".to_owned())),
    }
}

fn every(arguments: &Arguments<'_>) -> Outcome {
    let regex = compile(arguments.text(0), 0)?;
    let groups = groups(&regex)?;
    let matches: Vec<Value> = regex
        .captures_iter(arguments.text(1))
        .map(|captures| matched(&groups, &captures))
        .collect();
    let string = || Type::String;
    let element = match &groups {
        Groups::None => Type::String,
        Groups::Unnamed => {
            let count = regex.captures_len().saturating_sub(1);
            Type::Tuple(Arc::new((0..count).map(|_| string()).collect()))
        }
        Groups::Named(names) => {
            let object = names.iter().map(|name| (name.clone(), Value::text(""))).collect();
            type_of(&Value::object(object))
        }
    };
    Ok(Value::new(Shape::List(Arc::new(matches), Arc::new(element))))
}

fn replace(arguments: &Arguments<'_>) -> Outcome {
    let (whole, part, with) = (arguments.text(0), arguments.text(1), arguments.text(2));
    match part.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(pattern) => text(&compile(pattern, 1)?.replace_all(whole, with)),
        None => text(&whole.replace(part, with)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_go() {
        let matches = |pattern: &str, text: &str| compile(pattern, 0).unwrap().is_match(text);
        assert!(matches(r"^\d$", "5") && !matches(r"^\d$", "٣"));
        assert!(matches(r"^[\D]$", "a") && !matches(r"^[\D]$", "5"));
        assert!(matches(r"^[[]$", "[") && matches(r"^[]a]+$", "]a") && matches(r"^[[:alpha:]&&]+$", "a&"));
        assert!(matches(r"^\Qa.b\E$", "a.b") && !matches(r"^\Qa.b\E$", "axb"));
        assert!(compile("(", 0).is_err());
    }
}
