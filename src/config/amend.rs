//! A configuration written so that it says something else: single arguments of single resources. Pure; it writes no file.

use std::collections::BTreeMap;

use hcl::expr::{Expression, ObjectKey, TemplateExpr};
use hcl::format::{Format, Formatter};
use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use super::layout::formatted;
use super::module::Configuration;
use super::parse::{RawBlock, RawBody};
use super::source::Sources;
use crate::address::Address;
use crate::diagnostic::{FileId, Span};

/// An argument that shall have another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Amendment {
    /// The resource.
    pub address: Address,
    /// Its header.
    pub declared: Span,
    /// The nested block that the argument stands in; none where it stands in the resource's own.
    pub section: Option<&'static str>,
    /// The argument.
    pub argument: String,
    /// The value.
    pub value: Json,
}

/// Files as they would have to be.
#[derive(Debug, Default)]
pub struct Amended {
    /// Whole texts by file.
    pub texts: BTreeMap<FileId, String>,
    /// What a person has to write, since it is not one literal in one place.
    pub left: Vec<Left>,
}

/// An amendment that is left to a person.
#[derive(Debug, PartialEq)]
pub struct Left {
    /// What is wanted.
    pub amendment: Amendment,
    /// Why it is not done.
    pub because: &'static str,
}

/// What has to stand in place of which bytes.
struct Edit {
    span: Span,
    text: String,
}

impl Edit {
    /// Whether something goes; otherwise something comes in between.
    fn replaces(&self) -> bool {
        self.span.start < self.span.end
    }
}

/// Writes the amendments into the texts.
pub fn amend(configuration: &Configuration, sources: &Sources, amendments: Vec<Amendment>) -> Amended {
    let mut amended = Amended::default();
    let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
    for amendment in amendments {
        let edit = match edit(configuration, sources, &amendment) {
            Ok(edit) => edit,
            Err(because) => {
                amended.left.push(Left { amendment, because });
                continue;
            }
        };
        let edits = edits.entry(edit.span.file).or_default();
        match edits.iter().find(|other| other.replaces() && other.span == edit.span) {
            None => edits.push(edit),
            Some(other) if other.text == edit.text => {}
            Some(_) => amended.left.push(Left {
                amendment,
                because: "one argument cannot say both",
            }),
        }
    }
    for (id, mut edits) in edits {
        let Some(file) = sources.file(id) else { continue };
        let mut text = file.text.to_string();
        // From the end on, so that what stands before keeps its place.
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        for edit in edits {
            let [start, end] = [edit.span.start, edit.span.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
            if text.get(start..end).is_some() {
                text.replace_range(start..end, &edit.text);
            }
        }
        amended.texts.insert(id, laid_out(&file.text, &text));
    }
    amended
}

/// A text whose edited lines are as `fmt` would leave them. In a file that is not laid out the others stay as their author
/// left them.
fn laid_out(before: &str, after: &str) -> String {
    let whole = formatted(after);
    if formatted(before) == before {
        return whole;
    }
    let lines: Vec<&str> = whole.lines().collect();
    if lines.len() != after.lines().count() {
        return after.to_owned();
    }
    let difference = TextDiff::from_lines(before, after);
    let written = difference.iter_all_changes().filter_map(|change| {
        let line = change.value();
        let ending = line.get(line.trim_end_matches(['\r', '\n']).len()..)?;
        match change.tag() {
            ChangeTag::Delete => None,
            ChangeTag::Equal => Some(line.to_owned()),
            ChangeTag::Insert => Some(format!("{}{ending}", lines.get(change.new_index()?)?.trim_end())),
        }
    });
    written.collect()
}

fn edit(configuration: &Configuration, sources: &Sources, amendment: &Amendment) -> Result<Edit, &'static str> {
    let file = sources.file(amendment.declared.file);
    let file = file.ok_or("its file is not among the sources")?;
    if file.is_json() {
        return Err("it is declared in JSON");
    }
    let mut blocks = configuration.root.iter();
    let is_it = |block: &&RawBlock| block.header == amendment.declared;
    let block = blocks
        .find(is_it)
        .ok_or("it is declared in a module, which others may use too")?;
    if block.body.attribute("for_each").is_some() {
        return Err("its block declares several");
    }
    let text = literal(&amendment.value);
    let argument = &amendment.argument;
    let Some(section) = amendment.section else {
        return in_body(sources, &block.body, argument, &text);
    };
    match block.body.blocks_of(section).next() {
        Some(nested) => in_body(sources, &nested.body, argument, &text),
        None => Ok(at_the_end(
            sources,
            &block.body,
            &format!("\n{section} {{\n{argument} = {text}\n}}"),
        )),
    }
}

fn in_body(sources: &Sources, body: &RawBody, argument: &str, text: &str) -> Result<Edit, &'static str> {
    let Some(attribute) = body.attribute(argument) else {
        return Ok(at_the_end(sources, body, &format!("{argument} = {text}")));
    };
    let mut refers = false;
    attribute.expr.references(&mut |_, _| refers = true);
    match refers {
        true => Err("it follows from something else"),
        false => Ok(Edit {
            span: attribute.expr.span,
            text: text.to_owned(),
        }),
    }
}

/// Lines before the closing brace, which stays where it is.
fn at_the_end(sources: &Sources, body: &RawBody, lines: &str) -> Edit {
    let brace = body.span.end.saturating_sub(1);
    let before = sources.text(Span {
        end: brace,
        ..body.span
    });
    let above = before.trim_end_matches([' ', '\t']);
    let indent = u32::try_from(before.len() - above.len()).unwrap_or_default();
    let (at, line_break) = match above.ends_with('\n') {
        true => (brace.saturating_sub(indent), ""),
        false => (brace, "\n"),
    };
    Edit {
        span: Span {
            start: at,
            end: at,
            ..body.span
        },
        text: format!("{line_break}{lines}\n"),
    }
}

/// A value as an expression.
pub fn literal(value: &Json) -> String {
    let mut text = Vec::new();
    let mut formatter = Formatter::builder()
        .prefer_ident_keys(true)
        .compact_arrays(true)
        .build(&mut text);
    let expression = hcl::expr::to_expression(value).expect("every JSON value is an expression");
    marked(expression)
        .format(&mut formatter)
        .expect("writing to a vector cannot fail");
    String::from_utf8(text).expect("HCL is text")
}

/// The same with what would begin an interpolation marked as text. The formatter's own marking overlooks a `$${` that follows
/// another mark at once.
fn marked(expression: Expression) -> Expression {
    match expression {
        Expression::String(text) if text.contains("${") || text.contains("%{") => {
            let text = text.replace("${", "$${").replace("%{", "%%{");
            Expression::TemplateExpr(Box::new(TemplateExpr::QuotedString(escaped(&text))))
        }
        Expression::Array(items) => Expression::Array(items.into_iter().map(marked).collect()),
        Expression::Object(members) => {
            let members = members.into_iter().map(|(key, value)| {
                let key = match key {
                    ObjectKey::Expression(key) => ObjectKey::Expression(marked(key)),
                    other => other,
                };
                (key, marked(value))
            });
            Expression::Object(members.collect())
        }
        other => other,
    }
}

/// A text as it stands in quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use serde_json::json;
    use unicode_normalization::UnicodeNormalization as _;

    /// The texts and what is left, for one resource whose arguments shall have these values.
    fn amended(text: &str, header: &str, wanted: &[(&str, Json)]) -> (String, Vec<&'static str>) {
        let mut sources = Sources::from_texts([("main.hcl", text)]);
        let configuration = parse(&mut sources).unwrap();
        let start = u32::try_from(text.find(header).unwrap()).unwrap();
        let declared = Span {
            file: FileId(0),
            start,
            end: start + u32::try_from(header.len()).unwrap(),
        };
        let amendments = wanted.iter().map(|(argument, value)| Amendment {
            address: "dns_link.l".parse().unwrap(),
            declared,
            section: argument.split_once('.').map(|_| "forward"),
            argument: argument.trim_start_matches("forward.").to_owned(),
            value: value.clone(),
        });
        let amended = amend(&configuration, &sources, amendments.collect());
        let because = amended.left.iter().map(|left| left.because).collect();
        let text = amended.texts.into_values().next().unwrap_or_default();
        assert_eq!(
            parse(&mut Sources::from_texts([("main.hcl", text.as_str())])).err(),
            None
        );
        (text, because)
    }

    proptest::proptest! {
        #[test]
        fn a_literal_says_what_it_was_made_of(text in ".*", key in ".*", number in proptest::num::i64::ANY) {
            let value = json!({ key: [text, number, null, true] });
            let program = format!("locals {{\n  x = {}\n}}\n", literal(&value));
            let mut sources = Sources::from_texts([("main.hcl", program.as_str())]);
            let configuration = parse(&mut sources).unwrap();
            let constants = crate::config::constants(&configuration, &crate::config::Inputs::none(&sources));
            let said = crate::config::decode::to_json(&constants["x"]).unwrap();
            let normal = |value: &Json| value.to_string().nfc().collect::<String>();
            proptest::prop_assert_eq!(normal(&said), normal(&value));
        }
    }

    #[test]
    fn marks_that_follow_one_another_are_all_text() {
        let literal = literal(&json!({ "${$${": ["%{%%{", "$$${", "${\\\"\n"] }));
        assert_eq!(
            literal,
            "{\n  \"$${$$${\" = [\"%%{%%%{\", \"$$$${\", \"$${\\\\\\\"\\n\"]\n}"
        );
    }

    const LINK: &str = "# The link.\ndns_link \"l\" {\n  zone = dns_zone.z # ours\n  on   = true\n}\n\nlocals {}\n";

    #[test]
    fn what_stands_there_is_replaced_and_what_does_not_is_added() {
        let wanted = [
            ("on", json!(false)),
            ("tags", json!({ "team": "a${b}", "cost center": 7 })),
        ];
        let (text, left) = amended(LINK, "dns_link \"l\"", &wanted);
        assert_eq!(
            text,
            "# The link.\ndns_link \"l\" {\n  zone = dns_zone.z # ours\n  on   = false\n  tags = {\n    \"cost center\" = 7\n    \
             team          = \"a$${b}\"\n  }\n}\n\nlocals {}\n"
        );
        assert_eq!(left, Vec::<&str>::new());
    }

    #[test]
    fn what_is_not_laid_out_stays_so_elsewhere() {
        let text = "dns_zone   \"z\" {\n name=\"x\"\n}\nlocals {  }\n";
        let (after, _) = amended(text, "dns_zone   \"z\"", &[("name", json!("y"))]);
        assert_eq!(after, text.replace(" name=\"x\"", "  name = \"y\""));
    }

    #[test]
    fn what_is_added_is_laid_out_wherever_it_stands() {
        let text = "locals { a=1 }\n  vnet_peering \"p\" {\n      from=network.a\n  }\n";
        let wanted = [("forward.on", json!(true)), ("on", json!(false))];
        let (after, _) = amended(text, "vnet_peering \"p\"", &wanted);
        assert_eq!(
            after,
            "locals { a=1 }\n  vnet_peering \"p\" {\n      from=network.a\n  on   = false\n\n  forward {\n    on = true\n  }\n  }\n"
        );
    }

    #[test]
    fn a_block_on_one_line_is_opened() {
        let (text, _) = amended("dns_zone \"z\" {}\n", "dns_zone \"z\"", &[("a", json!(["x", 1]))]);
        assert_eq!(text, "dns_zone \"z\" {\n  a = [\"x\", 1]\n}\n");
    }

    #[test]
    fn an_argument_of_a_nested_block_is_written_there() {
        let without = "vnet_peering \"p\" {\n  from = network.a\n}\n";
        let with = "vnet_peering \"p\" {\n  from = network.a\n\n  forward {\n    on = true\n  }\n}\n";
        let wanted = [("forward.on", json!(true))];
        assert_eq!(amended(without, "vnet_peering \"p\"", &wanted).0, with);
        let wanted = [("forward.on", json!(false)), ("forward.on", json!(true))];
        let (text, left) = amended(with, "vnet_peering \"p\"", &wanted);
        assert_eq!(text, with.replace("true", "false"));
        assert_eq!(left, ["one argument cannot say both"]);
    }

    #[test]
    fn what_follows_from_something_else_is_left_to_people() {
        let (text, left) = amended(LINK, "dns_link \"l\"", &[("zone", json!("x"))]);
        assert_eq!(
            (text.as_str(), left.as_slice()),
            ("", &["it follows from something else"][..])
        );
        let each = "dns_link \"l\" {\n  for_each = { a = 1 }\n}\n";
        let (text, left) = amended(each, "dns_link \"l\"", &[("on", json!(true))]);
        assert_eq!(
            (text.as_str(), left.as_slice()),
            ("", &["its block declares several"][..])
        );
    }
}
