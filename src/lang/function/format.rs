//! `format` and `formatlist`: texts made after a pattern with verbs.

use crate::lang::convert::convert;
use crate::lang::display::quoted;
use crate::lang::function::encoding::json_text;
use crate::lang::function::sequence::list;
use crate::lang::function::string::{known, text};
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::marks::Marks;
use crate::lang::number::Number;
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};

use unicode_segmentation::UnicodeSegmentation as _;

const FORMAT: Parameter = Parameter::new("format", Wants::String);

/// Wider than any text that somebody lines up.
const WIDEST: usize = 4096;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "format",
        "A text made after a pattern: `%s` a text, `%d` a whole number, `%f` a number, `%v` anything, `%q` in quotes, \
         `%%` a percent sign, and more.",
        &[FORMAT],
        Returns::Always(Wants::String),
        |a| text(&formatted(a.text(0), a.from(1))?),
    )
    .and_rest(
        Parameter::new("args", Wants::Any)
            .nullable()
            .unknowns(Unknowns::StopInside),
    ),
    Function::new(
        "formatlist",
        "A list of texts, made as by `format` from the elements of lists at the same places.",
        &[FORMAT],
        Returns::Always(Wants::List(&Wants::String)),
        format_list,
    )
    .and_rest(Parameter::new("args", Wants::Any).nullable().unknowns(Unknowns::Stop)),
];

/// A verb with its flags, such as `%-8.2f`.
#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// Counted from one.
    argument: Option<usize>,
    letter: char,
    written: String,
}

fn formatted(format: &str, arguments: &[Value]) -> Result<String, Failure> {
    let mut result = String::new();
    let mut rest = format;
    let (mut next, mut highest) = (0, 0);
    while let Some((before, after)) = rest.split_once('%') {
        result.push_str(before);
        let (verb, after) = parse(after)?;
        rest = after;
        if verb.letter == '%' {
            result.push('%');
            continue;
        }
        let at = verb.argument.map_or(next, |argument| argument.saturating_sub(1));
        next = at + 1;
        highest = highest.max(next);
        let argument = arguments.get(at).ok_or_else(|| {
            let text = format!(
                "`{}` wants argument {}, but {} given",
                verb.written,
                at + 1,
                match arguments.len() {
                    0 => "none is".to_owned(),
                    1 => "only one is".to_owned(),
                    more => format!("only {more} are"),
                }
            );
            Failure::Argument(0, text)
        })?;
        let written = write(&verb, argument)
            .map_err(|problem| Failure::Argument(at + 1, format!("`{}` cannot show this: {problem}", verb.written)))?;
        result.push_str(&written);
    }
    result.push_str(rest);
    if highest < arguments.len() {
        let text = format!("the pattern uses only {highest} arguments");
        return Err(Failure::Argument(highest + 1, text));
    }
    Ok(result)
}

fn parse(after: &str) -> Result<(Verb, &str), Failure> {
    let mut verb = Verb::default();
    let mut chars = after.char_indices().peekable();
    let number = |chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>| {
        let mut value: Option<usize> = None;
        while let Some((_, digit)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
            let digit = digit
                .to_digit(10)
                .and_then(|digit| usize::try_from(digit).ok())
                .unwrap_or(0);
            value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit).min(WIDEST));
        }
        value
    };
    while let Some((_, flag)) = chars.next_if(|(_, c)| "-+ 0#".contains(*c)) {
        match flag {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            _ => verb.sharp = true,
        }
    }
    verb.width = number(&mut chars);
    if chars.next_if(|(_, c)| *c == '.').is_some() {
        verb.precision = Some(number(&mut chars).unwrap_or(0));
    }
    if chars.next_if(|(_, c)| *c == '[').is_some() {
        verb.argument = number(&mut chars).filter(|argument| *argument > 0);
        if chars.next_if(|(_, c)| *c == ']').is_none() || verb.argument.is_none() {
            return Err(Failure::Argument(
                0,
                "the index of an argument is written `%[1]s`".to_owned(),
            ));
        }
    }
    let Some((at, letter)) = chars.next() else {
        return Err(Failure::Argument(0, "the pattern ends within a verb".to_owned()));
    };
    let end = at + letter.len_utf8();
    verb.letter = letter;
    verb.written = format!("%{}", after.get(..end).unwrap_or_default());
    if !"%vtbdoxXeEfgGsq".contains(letter) {
        return Err(Failure::Argument(0, format!("there is no verb `{}`", verb.written)));
    }
    Ok((verb, after.get(end..).unwrap_or_default()))
}

fn write(verb: &Verb, argument: &Value) -> Result<String, String> {
    if verb.letter == 'v' {
        return anything(verb, argument).map(|text| padded(verb, &text));
    }
    if argument.is_null() {
        return Err("it is null".to_owned());
    }
    let converted = |ty: &Type| convert(argument, ty).map_err(|error| error.to_string());
    match verb.letter {
        // As in Terraform, which takes no notice of a width here.
        't' => Ok(converted(&Type::Bool)?.as_bool().unwrap_or_default().to_string()),
        's' | 'q' => {
            let value = converted(&Type::String)?;
            let text = value.as_text().unwrap_or_default();
            let text: String = text
                .graphemes(true)
                .take(verb.precision.unwrap_or(usize::MAX))
                .collect();
            Ok(padded(verb, &if verb.letter == 'q' { quoted(&text) } else { text }))
        }
        letter => match converted(&Type::Number)?.shape {
            Shape::Number(number) if "bdoxX".contains(letter) => whole(verb, &number),
            Shape::Number(number) => Ok(decimal(verb, &number)),
            _ => Err("a number is required".to_owned()),
        },
    }
}

fn anything(verb: &Verb, argument: &Value) -> Result<String, String> {
    match &argument.shape {
        Shape::Text(text) if !verb.sharp => Ok(text.to_string()),
        Shape::Number(number) if !verb.sharp => Ok(shortest(number)),
        _ => json_text(argument),
    }
}

/// Go's `%g` of a big number: with an exponent from 7 digits on, and below a ten-thousandth.
fn shortest(number: &Number) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let digits = scientific(number, None);
    if (-4..6).contains(&digits.exponent) {
        return number.to_string();
    }
    digits.with_exponent('e')
}

/// `d.ddd * 10^exponent`
struct Scientific {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Scientific {
    fn with_exponent(&self, letter: char) -> String {
        let (first, rest) = self.digits.split_at(1.min(self.digits.len()));
        let sign = if self.negative { "-" } else { "" };
        let point = if rest.is_empty() { "" } else { "." };
        let direction = if self.exponent < 0 { '-' } else { '+' };
        format!(
            "{sign}{first}{point}{rest}{letter}{direction}{:02}",
            self.exponent.abs()
        )
    }
}

/// The number with that many significant digits, or as many as it has.
fn scientific(number: &Number, precision: Option<usize>) -> Scientific {
    let plain = number.abs().to_string();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let mut digits = all.trim_start_matches('0').to_owned();
    let mut exponent = length(whole) - 1 - length(all.get(..leading).unwrap_or_default());
    if digits.is_empty() {
        digits.push('0');
        exponent = 0;
    }
    if let Some(precision) = precision {
        let (rounded, carried) = rounded(&digits, precision);
        digits = rounded;
        exponent += i64::from(carried);
    } else {
        let kept = digits.trim_end_matches('0').len().max(1);
        digits.truncate(kept);
    }
    Scientific {
        negative: number.is_negative(),
        digits,
        exponent,
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// The digits rounded to so many, half to even, and whether a digit was added in front.
fn rounded(digits: &str, count: usize) -> (String, bool) {
    if digits.len() <= count {
        return (format!("{digits:0<count$}"), false);
    }
    let (kept, cut) = digits.split_at(count);
    let mut kept: Vec<u8> = kept.bytes().collect();
    let half = cut.starts_with('5') && cut.bytes().skip(1).all(|digit| digit == b'0');
    let odd = kept.last().is_some_and(|digit| digit % 2 == 1);
    if cut.as_bytes().first().is_some_and(|digit| *digit >= b'5') && (!half || odd) {
        let nine = kept.iter().rposition(|digit| *digit != b'9');
        for digit in kept.iter_mut().skip(nine.map_or(0, |at| at + 1)) {
            *digit = b'0';
        }
        match nine.and_then(|at| kept.get_mut(at)) {
            Some(digit) => *digit += 1,
            None => {
                kept.insert(0, b'1');
                kept.truncate(count.max(1));
                return (kept.into_iter().map(char::from).collect(), true);
            }
        }
    }
    (kept.into_iter().map(char::from).collect(), false)
}

/// The number with so many digits after the point.
fn fixed(number: &Number, places: usize) -> String {
    let plain = number.abs().to_string();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (digits, carried) = rounded(&format!("{whole}{fraction:0<places$}"), whole.len() + places);
    // A carry drops the last digit to keep the count; with places after the point that digit is a zero.
    let digits = if carried { format!("{digits}0") } else { digits };
    let point = digits.len().saturating_sub(places);
    let (whole, fraction) = digits.split_at(point);
    let sign = if number.is_negative() { "-" } else { "" };
    if places == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn decimal(verb: &Verb, number: &Number) -> String {
    if !number.is_finite() {
        let text = number.to_string();
        let text = if verb.space { text.replace('+', " ") } else { text };
        return padded(verb, &text);
    }
    let text = match verb.letter {
        'f' => fixed(number, verb.precision.unwrap_or(6)),
        'e' | 'E' => scientific(number, Some(verb.precision.unwrap_or(6) + 1)).with_exponent(verb.letter),
        _ => match verb.precision {
            None => shortest(number),
            Some(precision) => general(number, precision.max(1)),
        },
    };
    signed(verb, if verb.letter == 'G' { text.to_uppercase() } else { text })
}

/// Go's `%.Ng`: so many significant digits, without zeros at the end.
fn general(number: &Number, precision: usize) -> String {
    let digits = scientific(number, Some(precision));
    let trimmed = Scientific {
        digits: match digits.digits.trim_end_matches('0') {
            "" => "0".to_owned(),
            kept => kept.to_owned(),
        },
        ..digits
    };
    if trimmed.exponent < -4 || trimmed.exponent >= i64::try_from(precision).unwrap_or(i64::MAX) {
        return trimmed.with_exponent('e');
    }
    let text = trimmed.with_exponent('e');
    text.parse::<Number>().map_or(text, |number| number.to_string())
}

fn whole(verb: &Verb, number: &Number) -> Result<String, String> {
    let value = number.whole().ok_or_else(|| "a whole number is required".to_owned())?;
    let text = match verb.letter {
        'b' => value.to_str_radix(2),
        'o' => value.to_str_radix(8),
        'x' => value.to_str_radix(16),
        'X' => value.to_str_radix(16).to_uppercase(),
        _ => value.to_str_radix(10),
    };
    Ok(signed(verb, text))
}

/// The text of a number with its sign and width.
fn signed(verb: &Verb, text: String) -> String {
    let text = match (text.starts_with('-'), verb.plus, verb.space) {
        (false, true, _) => format!("+{text}"),
        (false, false, true) => format!(" {text}"),
        (true, _, _) | (false, false, false) => text,
    };
    match verb.width {
        Some(width) if verb.zero && !verb.minus => {
            let (sign, digits) = text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap_or(0));
            let missing = width.saturating_sub(sign.len());
            format!("{sign}{digits:0>missing$}")
        }
        _ => padded(verb, &text),
    }
}

fn padded(verb: &Verb, text: &str) -> String {
    let missing = verb.width.unwrap_or(0).saturating_sub(text.graphemes(true).count());
    let spaces = " ".repeat(missing);
    if verb.minus {
        format!("{text}{spaces}")
    } else {
        format!("{spaces}{text}")
    }
}

fn format_list(arguments: &Arguments<'_>) -> Outcome {
    let values = arguments.from(1);
    let sequences = || values.iter().filter_map(|value| value.elements().map(<[Value]>::len));
    let length = sequences().next().unwrap_or(1);
    for (at, value) in values.iter().enumerate() {
        if let Some(other) = value.elements().map(<[Value]>::len)
            && other != length
        {
            let text = format!("this has {other} elements, another argument has {length}");
            return Err(Failure::Argument(at + 1, text));
        }
    }
    let mut texts = Vec::with_capacity(length);
    for at in 0..length {
        let row: Vec<Value> = values
            .iter()
            .map(|value| match value.elements() {
                Some(elements) => elements.get(at).cloned().unwrap_or_else(Value::null),
                None => value.clone(),
            })
            .collect();
        texts.push(if row.iter().all(known) {
            text(&formatted(arguments.text(0), &row)?)?.marked(
                row.iter()
                    .fold(Marks::NONE, |marks, value| marks | order::deep_marks(value)),
            )
        } else {
            Value::unknown(Type::String)
        });
    }
    Ok(list(texts, Type::String))
}
