//! YAML texts as values, and values as YAML, as `yamldecode` and `yamlencode` of Terraform do both. Parsing events is another's
//! work; nothing here recurses along a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, Time};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::lang::number::Number;
use crate::lang::syntax::normalized;
use crate::lang::value::{Shape, Value};

/// Deeper than any document that people write.
const DEEPEST: usize = 128;

/// What aliases may add up to: a few lines can stand for billions of values.
const MOST_VALUES: usize = 1_000_000;

/// A mapping under this key is taken into the one around it.
const MERGE: &str = "<<";

/// The value that a text of one document stands for: sequences are tuples, mappings are objects.
pub(super) fn decode(text: &str) -> Result<Value, String> {
    // The version that Terraform reads, and the only one that it takes.
    let other_version = |line: &str| line.starts_with("%YAML") && line.split_whitespace().nth(1) != Some("1.1");
    if text.lines().take_while(|line| line.starts_with('%')).any(other_version) {
        return Err("only YAML 1.1 is read".to_owned());
    }
    let mut reader = Reader::default();
    // The parser ends a text in block style with a line ending that is not there.
    let unended = if text.ends_with('\n') {
        usize::MAX
    } else {
        text.chars().count()
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let marker = error.marker();
            format!("line {}, column {}: {}", marker.line(), marker.col() + 1, error.info())
        })?;
        let at = |problem: String| format!("line {}, column {}: {problem}", span.start.line(), span.start.col() + 1);
        let event = match event {
            Event::Scalar(text, style @ (ScalarStyle::Literal | ScalarStyle::Folded), anchor, tag)
                if span.end.index() >= unended =>
            {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                Event::Scalar(text.into(), style, anchor, tag)
            }
            event => event,
        };
        reader.event(event).map_err(at)?;
    }
    reader.root.ok_or_else(|| "there is no value in it".to_owned())
}

/// A value and how many values it holds.
#[derive(Clone)]
struct Weighed {
    value: Value,
    weight: usize,
}

/// A collection whose end is still to come.
struct Open {
    anchor: usize,
    weight: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Value>),
    Mapping {
        entries: BTreeMap<Arc<str>, Value>,
        /// The key whose value comes next.
        key: Option<Arc<str>>,
    },
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: BTreeMap<usize, Weighed>,
    root: Option<Value>,
    documents: usize,
    taken: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err("a second document starts here; only one is read".to_owned());
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref())?;
                if let Some(Content::Mapping { key: key @ None, .. }) = self.innermost() {
                    *key = Some(key_of(&value)?);
                    return Ok(());
                }
                self.add(Weighed { value, weight: 1 }, anchor)
            }
            Event::Alias(anchor) => {
                self.refuse_as_key()?;
                let weighed = self.anchors.get(&anchor).cloned();
                self.add(weighed.ok_or("an alias cannot stand inside of what it names")?, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(anchor, tag.as_deref(), "seq", Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let (entries, key) = (BTreeMap::new(), None);
                self.begin(anchor, tag.as_deref(), "map", Content::Mapping { entries, key })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(ended) = self.open.pop() else { return Ok(()) };
                let value = match ended.content {
                    Content::Sequence(elements) => Value::tuple(elements),
                    Content::Mapping { entries, key: _ } => Value::object(entries),
                };
                let weight = ended.weight;
                self.add(Weighed { value, weight }, ended.anchor)
            }
        }
    }

    fn innermost(&mut self) -> Option<&mut Content> {
        self.open.last_mut().map(|open| &mut open.content)
    }

    fn refuse_as_key(&mut self) -> Result<(), String> {
        match self.innermost() {
            Some(Content::Mapping { key: None, .. }) => Err("only texts can be keys".to_owned()),
            Some(Content::Mapping { .. } | Content::Sequence(_)) | None => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, tag: Option<&Tag>, name: &str, content: Content) -> Result<(), String> {
        self.refuse_as_key()?;
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema() || tag.suffix != name) {
            return Err(format!("the tag `{tag}` does not fit here"));
        }
        if self.open.len() >= DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} levels deep"));
        }
        self.open.push(Open {
            anchor,
            weight: 1,
            content,
        });
        Ok(())
    }

    fn add(&mut self, weighed: Weighed, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, weighed.clone());
        }
        let Weighed { value, weight } = weighed;
        self.taken = self.taken.saturating_add(weight);
        if self.taken > MOST_VALUES * DEEPEST || weight > MOST_VALUES {
            return Err(format!("with its aliases it holds more than {MOST_VALUES} values"));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(weight);
        match &mut open.content {
            Content::Sequence(elements) => elements.push(value),
            Content::Mapping { entries, key } => match key.take() {
                Some(key) if &*key == MERGE => {
                    let Some(merged) = value.entries() else {
                        return Err(format!("`{MERGE}` wants a mapping"));
                    };
                    entries.extend(merged.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                Some(key) => drop(entries.insert(key, value)),
                None => {}
            },
        }
        Ok(())
    }
}

fn key_of(value: &Value) -> Result<Arc<str>, String> {
    match &value.shape {
        Shape::Text(text) => Ok(text.clone()),
        Shape::Number(number) => Ok(number.to_string().into()),
        Shape::Bool(truth) => Ok(truth.to_string().into()),
        Shape::Null(_)
        | Shape::Tuple(_)
        | Shape::List(..)
        | Shape::Set(..)
        | Shape::Map(..)
        | Shape::Object(_)
        | Shape::Resource(_)
        | Shape::Unknown(_) => Err("a key cannot be null".to_owned()),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let string = || Ok(Value::text(normalized(text)));
    if style != ScalarStyle::Plain {
        return string();
    }
    let tag = match tag {
        None => None,
        Some(tag) if tag.is_yaml_core_schema() => Some(tag.suffix.as_str()),
        Some(tag) => return Err(format!("the tag `{tag}` means nothing here")),
    };
    let misfit = |tag: &str| Err(format!("`{text}` does not fit the tag `!!{tag}`"));
    match tag {
        None => match plain(text)? {
            Some(value) => Ok(value),
            None => string(),
        },
        Some("str") => string(),
        Some("binary") if STANDARD.decode(text).is_ok() => string(),
        Some("null") => Ok(Value::null()),
        Some(tag @ ("bool" | "int" | "float" | "timestamp")) => match plain(text)? {
            Some(value) => Ok(value),
            None => misfit(tag),
        },
        Some(tag @ "binary") => misfit(tag),
        Some(tag) => Err(format!("the tag `!!{tag}` means nothing here")),
    }
}

/// What a text without quotes stands for, unless it is itself.
fn plain(text: &str) -> Result<Option<Value>, String> {
    Ok(Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::null(),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => infinity("+Inf"),
        "-.inf" | "-.Inf" | "-.INF" => infinity("-Inf"),
        ".nan" | ".NaN" | ".NAN" => return Err(format!("`{text}` is no number that the language has")),
        text => match timestamp(text).map(Value::text).or_else(|| number(text)) {
            Some(value) => value,
            None => return Ok(None),
        },
    }))
}

fn infinity(spelled: &str) -> Value {
    spelled
        .parse::<Number>()
        .map_or_else(|_| Value::null(), |number| Value::new(Shape::Number(number)))
}

fn number(text: &str) -> Option<Value> {
    let based = |digits: &str, base| i64::from_str_radix(digits, base).ok().map(Value::integer);
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| !digits.starts_with(['+', '-'])) {
        return based(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o").filter(|digits| !digits.starts_with(['+', '-'])) {
        return based(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_digits(whole)
        && is_digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent.is_none_or(|exponent| !exponent.is_empty() && is_digits(exponent));
    if !is_number {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let exponent = unsigned.split_once(['e', 'E']).map_or("0", |(_, exponent)| exponent);
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    let spelled = format!("{sign}{whole}.{fraction}e{exponent}");
    let number: Number = spelled.parse().ok()?;
    Some(Value::new(Shape::Number(number)))
}

/// A date, or a date and a time, as RFC 3339 writes it without fractions of seconds.
fn timestamp(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at..)?),
        None => (text, ""),
    };
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (parts.next()?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if year.len() != 4 {
        return None;
    }
    let date = Date::new(
        digits(year, 4)?.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()?;
    let (clock, zone) = match time.strip_prefix(['T', 't']) {
        _ if time.is_empty() => return Some(format!("{date}T00:00:00Z")),
        Some(rest) => rest.split_at_checked(rest.find(['Z', '+', '-'])?)?,
        None => (time.strip_prefix(' ')?, "Z"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    digits(fraction, 9)?;
    let mut parts = clock.splitn(3, ':');
    let mut part = || digits(parts.next()?, 2)?.try_into().ok();
    let time = Time::new(part()?, part()?, part()?, 0).ok()?;
    let zone = match zone {
        "Z" | "+00:00" | "-00:00" => "Z",
        zone => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            (hours.len() == 2 && minutes.len() == 2 && digits(hours, 2)? < 24 && digits(minutes, 2)? < 60)
                .then_some(zone)?
        }
    };
    Some(format!("{date}T{time}{zone}"))
}

fn digits(text: &str, most: usize) -> Option<u32> {
    let fits = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// The value as a YAML document in block style, every text in quotes or, over several lines, as it stands.
pub(super) fn encode(value: &Value) -> Result<String, String> {
    let mut writer = Writer::default();
    writer.node(value, 0, Position::Line)?;
    // A bare word at the end of a document might go on.
    if matches!(value.shape, Shape::Bool(_) | Shape::Number(_) | Shape::Null(_)) {
        writer.text.push_str("...\n");
    }
    Ok(writer.text)
}

/// The longest key that may stand before its colon.
const LONGEST_KEY: usize = 128;

/// After this column a text in quotes goes on in the next line.
const WIDTH: usize = 80;

/// Where a value starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// At the start of a line, or after an indicator that stands for indentation.
    Line,
    /// After a key and its colon.
    Key,
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    /// Writes a value whose collections are indented by `indent`, with its line ending.
    fn node(&mut self, value: &Value, indent: usize, position: Position) -> Result<(), String> {
        let gap = match position {
            Position::Line => "",
            Position::Key => " ",
        };
        match &value.shape {
            Shape::Unknown(_) => return Err("the value is not known yet".to_owned()),
            Shape::Tuple(elements) | Shape::List(elements, _) | Shape::Set(elements, _) if !elements.is_empty() => {
                self.sequence(elements, indent, position)?;
            }
            Shape::Tuple(_) | Shape::List(..) | Shape::Set(..) => self.text.push_str(&format!("{gap}[]\n")),
            Shape::Map(..) | Shape::Object(_) | Shape::Resource(_) => match value.entries() {
                Some(entries) if !entries.is_empty() => self.mapping(entries, indent, position)?,
                Some(_) | None => self.text.push_str(&format!("{gap}{{}}\n")),
            },
            Shape::Null(_) => self.text.push_str(&format!("{gap}null\n")),
            Shape::Bool(truth) => self.text.push_str(&format!("{gap}{truth}\n")),
            Shape::Number(number) => self.text.push_str(&format!("{gap}{number}\n")),
            Shape::Text(text) => {
                self.text.push_str(gap);
                self.string(text, indent);
                if !self.text.ends_with('\n') {
                    self.text.push('\n');
                }
            }
        }
        Ok(())
    }

    fn sequence(&mut self, elements: &[Value], indent: usize, position: Position) -> Result<(), String> {
        // Below a key, the dashes of a sequence stand under the key itself.
        let indent = match position {
            Position::Line => indent,
            Position::Key => {
                self.text.push('\n');
                indent.saturating_sub(2)
            }
        };
        for (at, element) in elements.iter().enumerate() {
            if at > 0 || position == Position::Key {
                self.indent(indent);
            }
            self.text.push_str("- ");
            self.node(element, indent + 2, Position::Line)?;
        }
        Ok(())
    }

    fn mapping(
        &mut self,
        entries: &BTreeMap<Arc<str>, Value>,
        indent: usize,
        position: Position,
    ) -> Result<(), String> {
        if position == Position::Key {
            self.text.push('\n');
        }
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 || position == Position::Key {
                self.indent(indent);
            }
            if key.contains('\n') || key.len() > LONGEST_KEY {
                self.text.push_str("? ");
                self.string(key, indent + 2);
                if !self.text.ends_with('\n') {
                    self.text.push('\n');
                }
                self.indent(indent);
                self.text.push_str(": ");
                self.node(value, indent + 2, Position::Line)?;
            } else {
                self.quoted(key, None);
                self.text.push(':');
                self.node(value, indent + 2, Position::Key)?;
            }
        }
        Ok(())
    }

    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    /// Writes a text inside of a collection, or alone.
    fn string(&mut self, text: &str, indent: usize) {
        let indent = indent.max(2);
        if text.contains('\n') && !text.ends_with(' ') && !text.contains(" \n") && text.chars().all(is_printable) {
            self.literal(text, indent);
        } else {
            self.quoted(text, Some(indent));
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        self.text.push_str(match text.strip_suffix('\n') {
            None => "-",
            Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
            Some(_) => "",
        });
        self.text.push('\n');
        for line in text.split_inclusive('\n') {
            if line != "\n" {
                self.indent(indent);
            }
            self.text.push_str(line);
        }
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// In quotes; over several lines with `indent` where that may be.
    fn quoted(&mut self, text: &str, indent: Option<usize>) {
        let line_start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let mut column = self.text.get(line_start..).unwrap_or_default().chars().count() + 1;
        self.text.push('"');
        let mut after_space = false;
        let mut rest = text.chars().enumerate().peekable();
        while let Some((at, c)) = rest.next() {
            let is_last = rest.peek().is_none();
            match indent {
                Some(indent) if c == ' ' && !after_space && column > WIDTH && at > 0 && !is_last => {
                    self.text.push('\n');
                    self.indent(indent);
                    column = indent;
                    if rest.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.text.push('\\');
                        column += 1;
                    }
                }
                Some(_) | None => {
                    let before = self.text.len();
                    escape(c, &mut self.text);
                    column += self.text.get(before..).unwrap_or_default().chars().count();
                }
            }
            after_space = c == ' ';
        }
        self.text.push('"');
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn escape(c: char, text: &mut String) {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c if is_printable(c) => {
            text.push(c);
            return;
        }
        c => {
            let code = u32::from(c);
            text.push_str(&match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
            return;
        }
    };
    text.push_str(short);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_for_too_much_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let before = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
        }
        assert!(decode(&bomb).unwrap_err().contains("more than 1000000 values"));
        assert!(decode(&"[".repeat(100_000)).is_err());
        assert!(
            decode(&"- ".repeat(100_000))
                .unwrap_err()
                .contains("more than 128 levels")
        );
    }

    #[test]
    fn a_problem_is_told_with_its_place() {
        assert_eq!(
            decode("a: 1\nb: !odd x\n").unwrap_err(),
            "line 2, column 4: the tag `!odd` means nothing here"
        );
        assert_eq!(
            decode("a: 1\n~: 2\n").unwrap_err(),
            "line 2, column 1: a key cannot be null"
        );
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(text in "(?s)[ \n\ta-c:#'\"\\-\u{85}\u{2028}é😀]{0,12}|(?s).{0,90}") {
            let value = Value::text(normalized(&text));
            prop_assert_eq!(decode(&encode(&value).unwrap()), Ok(value.clone()));
            let inside = Value::tuple(vec![Value::object(BTreeMap::from([(normalized(&text), value)]))]);
            let is_merge = text == MERGE;
            prop_assert!(is_merge || decode(&encode(&inside).unwrap()) == Ok(inside));
        }

        #[test]
        fn nothing_near_the_grammar_panics(text in "(?s)[-?:,\\[\\]{}#&*!|>'\"%@` \n\ta<=~0.]{0,40}") {
            let _ = decode(&text);
        }
    }
}
