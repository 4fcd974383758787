//! CSV texts as values, after RFC 4180.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lang::convert::object_type;
use crate::lang::syntax::normalized;
use crate::lang::value::{Shape, Type, Value};

/// A list of one object per row, named by the first row.
///
/// # Errors
/// What is wrong, with its line.
pub(super) fn decode(text: &str) -> Result<Value, String> {
    let mut rows = rows(text)?.into_iter();
    let Some((_, header)) = rows.next() else {
        return Err("the first row with the names is missing".to_owned());
    };
    let names: Vec<Arc<str>> = header.iter().map(|name| normalized(name)).collect();
    if let Some(twice) = names
        .iter()
        .enumerate()
        .find(|(at, name)| names.iter().take(*at).any(|other| other == *name))
    {
        return Err(format!("two columns are named \"{}\"", twice.1));
    }
    let mut objects = Vec::new();
    for (line, row) in rows {
        if row.len() != names.len() {
            return Err(format!(
                "line {line} has {} fields, the first row has {}",
                row.len(),
                names.len()
            ));
        }
        let fields: BTreeMap<_, _> = names
            .iter()
            .cloned()
            .zip(row.iter().map(|field| Value::text(normalized(field))))
            .collect();
        objects.push(Value::object(fields));
    }
    let element = object_type(names.iter().map(|name| (name, Type::String)));
    Ok(Value::new(Shape::List(Arc::new(objects), Arc::new(element))))
}

type Row = (usize, Vec<String>);

/// The rows with the lines where they start; empty lines are none.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        let start = line;
        let mut row = Vec::new();
        loop {
            let mut field = String::new();
            if chars.next_if_eq(&'"').is_some() {
                loop {
                    match chars.next() {
                        None => return Err(format!("a quote in line {start} is never closed")),
                        Some('"') if chars.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            field.push(c);
                        }
                    }
                }
                if chars.peek().is_some_and(|c| !matches!(c, ',' | '\r' | '\n')) {
                    return Err(format!("in line {line} something follows a closing quote"));
                }
            } else {
                while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '\n')) {
                    if c == '"' {
                        return Err(format!(
                            "in line {line} a quote stands within a field that has none around it"
                        ));
                    }
                    field.push(c);
                }
                if chars.peek() != Some(&',') && field.ends_with('\r') {
                    field.pop();
                }
            }
            row.push(field);
            match chars.next() {
                Some(',') => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                    line += 1;
                    break;
                }
                Some(_) | None => {
                    line += 1;
                    break;
                }
            }
        }
        let empty = row.len() == 1 && row.first().is_some_and(String::is_empty);
        if !empty {
            rows.push((start, row));
        }
    }
    Ok(rows)
}
