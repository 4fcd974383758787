//! Values as the configuration would spell them, and the difference of two of them, line by line.

use similar::{ChangeTag, TextDiff};
use std::time::Duration;

use serde_json::Value as Json;

use super::layout::{clean, width};
use super::object::in_short;
use crate::arm::{ArmId, SubscriptionId};
use crate::cli::color::{ADD, DIM, REMOVE};

/// How ids of Azure are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// `rg-net/vnet-a`, without quotes.
    Short,
    /// As they are.
    Whole,
}

/// Spells values.
pub(crate) struct Spelling<'a> {
    /// The subscription that goes without saying.
    pub(crate) home: &'a SubscriptionId,
    /// How ids are spelled.
    pub(crate) ids: Ids,
}

/// Unchanged lines that are shown around a difference.
const CONTEXT: usize = 2;

/// A difference of long texts is looked for no longer than this; then it is coarser.
const PATIENCE: Duration = Duration::from_millis(200);

impl Spelling<'_> {
    /// In one line.
    pub(crate) fn inline(&self, value: &Json) -> String {
        match value {
            Json::Null => "null".into(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::String(text) => self.text(text),
            Json::Array(elements) if elements.is_empty() => "[]".into(),
            Json::Array(elements) => {
                let elements: Vec<String> = elements.iter().map(|element| self.inline(element)).collect();
                format!("[{}]", elements.join(", "))
            }
            Json::Object(members) if members.is_empty() => "{}".into(),
            Json::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{} = {}", name(key), self.inline(value)))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }
        }
    }

    /// In as many lines as it takes, two spaces a level.
    pub(crate) fn lines(&self, value: &Json) -> Vec<String> {
        let mut lines = Vec::new();
        self.collect(value, 0, "", "", &mut lines);
        lines
    }

    /// In one line, or in several where it looks better so, with so many columns to have.
    pub(crate) fn several(&self, value: &Json, columns: usize) -> Vec<String> {
        match self.is_long(value, columns) {
            true => self.lines(value),
            false => vec![self.inline(value)],
        }
    }

    /// Whether it looks better in several lines, with so many columns to have.
    pub(crate) fn is_long(&self, value: &Json, columns: usize) -> bool {
        match value {
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
            Json::String(text) => text.trim_end().contains('\n'),
            Json::Array(elements) => !elements.is_empty() && width(&self.inline(value)) > columns,
            Json::Object(members) => !members.is_empty() && width(&self.inline(value)) > columns,
        }
    }

    fn text(&self, text: &str) -> String {
        let short = match self.ids {
            Ids::Short => text.parse::<ArmId>().ok().and_then(|id| in_short(&id, self.home)),
            Ids::Whole => None,
        };
        clean(&short.unwrap_or_else(|| Json::String(text.to_owned()).to_string()))
    }

    fn collect(&self, value: &Json, depth: usize, before: &str, after: &str, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        match value {
            Json::String(text) if text.trim_end().contains('\n') => {
                lines.push(format!("{indent}{before}<<-EOT"));
                lines.extend(clean(text).lines().map(|line| format!("{indent}  {line}")));
                lines.push(format!("{indent}EOT{after}"));
            }
            Json::Array(elements) if !elements.is_empty() => {
                lines.push(format!("{indent}{before}["));
                for element in elements {
                    self.collect(element, depth + 1, "", ",", lines);
                }
                lines.push(format!("{indent}]{after}"));
            }
            Json::Object(members) if !members.is_empty() => {
                lines.push(format!("{indent}{before}{{"));
                for (key, value) in members {
                    self.collect(value, depth + 1, &format!("{} = ", name(key)), "", lines);
                }
                lines.push(format!("{indent}}}{after}"));
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                lines.push(format!("{indent}{before}{}{after}", self.inline(value)))
            }
        }
    }

    /// What differs between two values, as lines with `+`, `-` or nothing in front; long stretches of equal lines are left
    /// out and counted.
    pub(crate) fn difference(&self, before: &Json, after: &Json) -> Vec<String> {
        let text = |value| self.lines(value).join("\n") + "\n";
        let (before, after) = (text(before), text(after));
        let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&before, &after);
        let mut lines = Vec::new();
        let mut equal: Vec<String> = Vec::new();
        for change in diff.iter_all_changes() {
            let line = change.value().trim_end_matches('\n');
            match change.tag() {
                ChangeTag::Equal => equal.push(line.to_owned()),
                ChangeTag::Insert => {
                    flush(&mut equal, Place::Between, &mut lines);
                    lines.push(format!("{ADD}+{ADD:#} {line}"));
                }
                ChangeTag::Delete => {
                    flush(&mut equal, Place::Between, &mut lines);
                    lines.push(format!("{REMOVE}-{REMOVE:#} {line}"));
                }
            }
        }
        flush(&mut equal, Place::End, &mut lines);
        lines
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    End,
}

/// Moves equal lines over: the first and the last line of a value always, of the rest only those next to a difference.
fn flush(equal: &mut Vec<String>, place: Place, lines: &mut Vec<String>) {
    let head = if lines.is_empty() { 1 } else { CONTEXT };
    let tail = match place {
        Place::Between => CONTEXT,
        Place::End => 1,
    };
    let hidden = equal.len().saturating_sub(head + tail);
    for (at, line) in equal.drain(..).enumerate() {
        if hidden < 2 || at < head || at >= head + hidden {
            lines.push(format!("  {line}"));
        } else if at == head {
            let indent = line.len() - line.trim_start().len();
            lines.push(format!("  {:indent$}{DIM}# ({hidden} unchanged lines){DIM:#}", ""));
        }
    }
}

/// A name where it is one, otherwise quoted.
fn name(key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if is_plain {
        key.to_owned()
    } else {
        Json::String(key.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spelling(home: &SubscriptionId) -> Spelling<'_> {
        Spelling { home, ids: Ids::Short }
    }

    fn home() -> SubscriptionId {
        "11111111-0000-0000-0000-000000000000".parse().unwrap()
    }

    #[test]
    fn values_are_spelled_as_in_the_configuration() {
        let home = home();
        let spelling = spelling(&home);
        assert_eq!(
            spelling.inline(&json!({ "a": [1, true], "b c": "x\u{1b}[0m", "d": {} })),
            r#"{ a = [1, true], "b c" = "x\u001b[0m", d = {} }"#
        );
        let id = "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v";
        assert_eq!(spelling.inline(&json!(id)), "rg/v");
    }

    #[test]
    fn differences_keep_a_little_context() {
        let home = home();
        let before: Vec<u32> = (0..20).collect();
        let mut after = before.clone();
        after[9] = 99;
        let lines = spelling(&home).difference(&json!(before), &json!(after));
        let plain: Vec<String> = lines
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        insta::assert_snapshot!(plain.join("\n"), @"
          [
            # (7 unchanged lines)
            7,
            8,
        -   9,
        +   99,
            10,
            11,
            # (8 unchanged lines)
          ]
        ");
    }
}
