//! JSON texts as trees with places, and as values: numbers keep all their digits, and nothing recurses without bound.

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::lang::number::Number;
use crate::lang::syntax::normalized;
use crate::lang::value::{Shape, Value};

/// Deeper than any document that people write.
const DEEPEST: usize = 256;

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid JSON at byte {at}: {problem}")]
pub struct JsonError {
    /// The byte, counted from zero.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// A JSON value and where it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub node: Node,
}

/// What a JSON value is.
#[derive(Clone, Debug)]
pub enum Node {
    /// `null`, a truth value or a number.
    Plain(Value),
    /// A string, in normal form.
    Text(Arc<str>),
    /// An array.
    Array(Vec<Located>),
    /// An object in the order of the text, each member with the place of its name.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: Arc<str>,
    /// The name's bytes, quotes included.
    pub range: Range<usize>,
    /// Its value.
    pub value: Located,
}

/// The value that a JSON text stands for: arrays are tuples, objects are objects. Of members of one name the last counts.
///
/// # Errors
/// When it is no JSON, or nested too deeply.
pub fn parse(text: &str) -> Result<Value, JsonError> {
    tree(text).map(Located::into_value)
}

/// A JSON text with the places of everything in it.
///
/// # Errors
/// When it is no JSON, or nested too deeply.
pub fn tree(text: &str) -> Result<Located, JsonError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.error("nothing may follow the value"));
    }
    Ok(value)
}

impl Located {
    /// The value, without places.
    pub fn into_value(self) -> Value {
        match self.node {
            Node::Plain(value) => value,
            Node::Text(text) => Value::text(text),
            Node::Array(elements) => Value::tuple(elements.into_iter().map(Self::into_value).collect()),
            Node::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|member| (member.name, member.value.into_value()));
                Value::object(members.collect())
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn error(&self, problem: &'static str) -> JsonError {
        JsonError { at: self.at, problem }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn value(&mut self, depth: usize) -> Result<Located, JsonError> {
        if depth > DEEPEST {
            return Err(self.error("it is nested too deeply"));
        }
        self.space();
        let start = self.at;
        let node = match self.rest().chars().next() {
            None => Err(self.error("the text ends too early")),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.string().map(|text| Node::Text(normalized(&text))),
            Some('-' | '0'..='9') => self.number().map(Node::Plain),
            Some(_) if self.take("true") => Ok(Node::Plain(Value::bool(true))),
            Some(_) if self.take("false") => Ok(Node::Plain(Value::bool(false))),
            Some(_) if self.take("null") => Ok(Node::Plain(Value::null())),
            Some(_) => Err(self.error("a value is expected")),
        };
        node.map(|node| Located {
            range: start..self.at,
            node,
        })
    }

    fn array(&mut self, depth: usize) -> Result<Node, JsonError> {
        self.at += 1;
        let mut elements = Vec::new();
        self.space();
        if self.take("]") {
            return Ok(Node::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.take("]") {
                return Ok(Node::Array(elements));
            }
            if !self.take(",") {
                return Err(self.error("`,` or `]` is expected"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        self.space();
        if self.take("}") {
            return Ok(Node::Object(members));
        }
        loop {
            self.space();
            if !self.rest().starts_with('"') {
                return Err(self.error(match self.rest().starts_with('}') {
                    true => "a key in quotes is expected: JSON has no comma after the last member",
                    false => "a key in quotes is expected",
                }));
            }
            let start = self.at;
            let name = normalized(&self.string()?);
            let range = start..self.at;
            self.space();
            if !self.take(":") {
                return Err(self.error("`:` is expected"));
            }
            let value = self.value(depth + 1)?;
            members.push(Member { name, range, value });
            self.space();
            if self.take("}") {
                return Ok(Node::Object(members));
            }
            if !self.take(",") {
                return Err(self.error("`,` or `}` is expected"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let written = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let digits = written.trim_start_matches('-');
        let leading_zero = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let bare_point = digits.starts_with('.') || digits.ends_with('.') || digits.contains(".e");
        if leading_zero || bare_point {
            return Err(self.error("a number is not well formed"));
        }
        let number = written
            .parse::<Number>()
            .map_err(|_| self.error("a number is not well formed or too large"))?;
        self.at += written.len();
        Ok(Value::new(Shape::Number(number)))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return Err(self.error("a string is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\u{1f}' => return Err(self.error("a string contains a control character")),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escape = self.rest().chars().next();
        self.at += escape.map_or(0, char::len_utf8);
        Ok(match escape {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let high = self.hex()?;
                if (0xd800..0xdc00).contains(&high) && self.take("\\u") {
                    let low = self.hex()?;
                    let pair = 0x1_0000 + ((high - 0xd800) << 10) + low.wrapping_sub(0xdc00);
                    return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(_) | None => return Err(self.error("an escape is not well formed")),
        })
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let value = value.ok_or_else(|| self.error("four hexadecimal digits are expected"))?;
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("[1", 2),
            ("{\"a\" 1}", 5),
            ("01", 0),
            ("\"\\x\"", 3),
            ("1 2", 2),
            ("\"\n\"", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(r#""\ud83d\ude00\udc00""#).is_ok());
    }
}
