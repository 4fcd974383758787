//! Functions on texts.

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::order;
use crate::lang::syntax::normalized;
use crate::lang::value::{Shape, Type, Value};

const TEXT: Parameter = Parameter::new("str", Wants::String);
const PIECE: Parameter = Parameter::new("substr", Wants::String);
const STRING: Returns = Returns::Always(Wants::String);
const BOOL: Returns = Returns::Always(Wants::Bool);
const STRINGS: Returns = Returns::Always(Wants::List(&Wants::String));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "chomp",
        "The text without line endings at its end.",
        &[TEXT],
        STRING,
        |a| text(a.text(0).trim_end_matches(['\r', '\n'])),
    ),
    Function::new(
        "endswith",
        "Whether the text ends with another.",
        &[TEXT, Parameter::new("suffix", Wants::String)],
        BOOL,
        |a| Ok(Value::bool(a.text(0).ends_with(a.text(1)))),
    ),
    Function::new(
        "indent",
        "The text with spaces at the beginning of each line but the first.",
        &[Parameter::new("spaces", Wants::Number), TEXT],
        STRING,
        indent,
    ),
    Function::new(
        "join",
        "The elements of lists of texts, put together with a separator between them.",
        &[Parameter::new("separator", Wants::String)],
        STRING,
        join,
    )
    .and_rest(Parameter::new("lists", Wants::List(&Wants::String)).unknowns(Unknowns::StopInside)),
    Function::new("lower", "The text in lower case.", &[TEXT], STRING, |a| {
        text(&a.text(0).chars().map(lower).collect::<String>())
    }),
    Function::new(
        "split",
        "The parts of the text between separators.",
        &[Parameter::new("separator", Wants::String), TEXT],
        STRINGS,
        split,
    ),
    Function::new(
        "startswith",
        "Whether the text starts with another.",
        &[TEXT, Parameter::new("prefix", Wants::String)],
        BOOL,
        |a| Ok(Value::bool(a.text(0).starts_with(a.text(1)))),
    ),
    Function::new(
        "strcontains",
        "Whether the text contains another.",
        &[TEXT, PIECE],
        BOOL,
        |a| Ok(Value::bool(a.text(0).contains(a.text(1)))),
    ),
    Function::new("strrev", "The text backwards.", &[TEXT], STRING, |a| {
        text(&a.text(0).graphemes(true).rev().collect::<String>())
    }),
    Function::new(
        "substr",
        "A part of the text, by position and length in characters; a negative position counts from the end, the \
         length -1 takes all that follows.",
        &[
            TEXT,
            Parameter::new("offset", Wants::Number),
            Parameter::new("length", Wants::Number),
        ],
        STRING,
        substr,
    ),
    Function::new(
        "title",
        "The text with a capital letter at the start of each word.",
        &[TEXT],
        STRING,
        title,
    ),
    Function::new(
        "trim",
        "The text without the given characters at its ends.",
        &[TEXT, Parameter::new("cutset", Wants::String)],
        STRING,
        |a| text(a.text(0).trim_matches(|c| a.text(1).contains(c))),
    ),
    Function::new(
        "trimprefix",
        "The text without the given beginning.",
        &[TEXT, Parameter::new("prefix", Wants::String)],
        STRING,
        |a| text(a.text(0).strip_prefix(a.text(1)).unwrap_or(a.text(0))),
    ),
    Function::new(
        "trimspace",
        "The text without white space at its ends.",
        &[TEXT],
        STRING,
        |a| text(a.text(0).trim()),
    ),
    Function::new(
        "trimsuffix",
        "The text without the given end.",
        &[TEXT, Parameter::new("suffix", Wants::String)],
        STRING,
        |a| text(a.text(0).strip_suffix(a.text(1)).unwrap_or(a.text(0))),
    ),
    Function::new("upper", "The text in upper case.", &[TEXT], STRING, |a| {
        text(&a.text(0).chars().map(upper).collect::<String>())
    }),
];

/// A text in normal form: an operation on normal texts may leave it.
pub(super) fn text(text: &str) -> Outcome {
    Ok(Value::text(normalized(text)))
}

/// A list of texts.
pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    let texts = texts.into_iter().map(|text| Value::text(normalized(text))).collect();
    Value::new(Shape::List(Arc::new(texts), Arc::new(Type::String)))
}

fn indent(arguments: &Arguments<'_>) -> Outcome {
    let spaces = arguments.integer(0)?;
    let spaces = usize::try_from(spaces).ok().filter(|spaces| *spaces <= 4096);
    let spaces = spaces.ok_or_else(|| Failure::Argument(0, "a number from 0 to 4096 is required".to_owned()))?;
    text(&arguments.text(1).replace('\n', &format!("\n{:spaces$}", "")))
}

fn join(arguments: &Arguments<'_>) -> Outcome {
    if arguments.count() < 2 {
        return Err(Failure::Call("at least one list is required".to_owned()));
    }
    let mut pieces = Vec::new();
    for (list, value) in arguments.from(1).iter().enumerate() {
        for (at, element) in value.elements().unwrap_or_default().iter().enumerate() {
            let piece = element.as_text().ok_or_else(|| {
                Failure::Argument(
                    list + 1,
                    format!("element {at} is null, which cannot be put into a text"),
                )
            })?;
            pieces.push(piece);
        }
    }
    text(&pieces.join(arguments.text(0)))
}

fn split(arguments: &Arguments<'_>) -> Outcome {
    let (separator, whole) = (arguments.text(0), arguments.text(1));
    if separator.is_empty() {
        let mut buffer = [0; 4];
        let characters: Vec<String> = whole.chars().map(|c| c.encode_utf8(&mut buffer).to_owned()).collect();
        return Ok(texts(characters.iter().map(String::as_str)));
    }
    Ok(texts(whole.split(separator)))
}

fn substr(arguments: &Arguments<'_>) -> Outcome {
    let (offset, length) = (arguments.integer(1)?, arguments.integer(2)?);
    let graphemes: Vec<&str> = arguments.text(0).graphemes(true).collect();
    let count = i64::try_from(graphemes.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 {
        (count.saturating_add(offset)).max(0)
    } else {
        offset
    };
    let end = if length < 0 {
        count
    } else {
        start.saturating_add(length).min(count)
    };
    let range = usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0);
    text(&graphemes.get(range).unwrap_or_default().concat())
}

/// Go's rule: a letter after anything that is no letter, digit or underscore.
fn title(arguments: &Arguments<'_>) -> Outcome {
    let mut result = String::new();
    let mut before = ' ';
    for c in arguments.text(0).chars() {
        let separated = if before.is_ascii() {
            !before.is_ascii_alphanumeric() && before != '_'
        } else {
            before.is_whitespace()
        };
        if separated {
            result.push(title_case(c));
        } else {
            result.push(c);
        }
        before = c;
    }
    text(&result)
}

/// Go changes the case of each character alone and to one character.
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => c,
    }
}

fn title_case(c: char) -> char {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǈ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǋ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǲ' | 'ǳ' => 'ǲ',
        c => upper(c),
    }
}

/// The graphemes of a text, as `length` counts them.
pub(super) fn grapheme_count(text: &str) -> usize {
    text.graphemes(true).count()
}

/// Whether nothing in a value is unknown.
pub(super) fn known(value: &Value) -> bool {
    order::wholly_known(value)
}
