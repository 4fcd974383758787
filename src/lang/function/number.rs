//! Functions on numbers.

use std::cmp::Ordering;

use bigdecimal::num_bigint::BigInt;

use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::number::{Number, NumberError};
use crate::lang::value::{Shape, Value};

const NUM: Parameter = Parameter::new("num", Wants::Number);
const NUMBERS: Parameter = Parameter::new("numbers", Wants::Number);
const NUMBER: Returns = Returns::Always(Wants::Number);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abs", "The number without its sign.", &[NUM], NUMBER, |a| {
        number(a.number(0).abs())
    }),
    Function::new(
        "ceil",
        "The nearest whole number that is not smaller.",
        &[NUM],
        NUMBER,
        |a| number(a.number(0).ceil()),
    ),
    Function::new(
        "floor",
        "The nearest whole number that is not larger.",
        &[NUM],
        NUMBER,
        |a| number(a.number(0).floor()),
    ),
    Function::new(
        "log",
        "The logarithm of a number to a base.",
        &[NUM, Parameter::new("base", Wants::Number)],
        NUMBER,
        |a| float(a.number(0).to_f64().ln() / a.number(1).to_f64().ln()),
    ),
    Function::new("max", "The largest of the numbers.", &[], NUMBER, |a| {
        extreme(a, Ordering::Greater)
    })
    .and_rest(NUMBERS),
    Function::new("min", "The smallest of the numbers.", &[], NUMBER, |a| {
        extreme(a, Ordering::Less)
    })
    .and_rest(NUMBERS),
    Function::new(
        "parseint",
        "The whole number that a text names in a base from 2 to 62.",
        &[
            Parameter::new("number", Wants::Any),
            Parameter::new("base", Wants::Number),
        ],
        NUMBER,
        parseint,
    ),
    Function::new(
        "pow",
        "A number to the power of another.",
        &[NUM, Parameter::new("power", Wants::Number)],
        NUMBER,
        |a| float(a.number(0).to_f64().powf(a.number(1).to_f64())),
    ),
    Function::new(
        "signum",
        "-1, 0 or 1 for a negative, no or a positive number.",
        &[NUM],
        NUMBER,
        |a| a.integer(0).map(|value| Value::integer(value.signum())),
    ),
    Function::new(
        "sum",
        "The sum of the numbers of a list, set or tuple.",
        &[Parameter::new("list", Wants::Any).unknowns(Unknowns::StopInside)],
        NUMBER,
        sum,
    ),
];

pub(super) fn number(number: Number) -> Outcome {
    Ok(Value::new(Shape::Number(number)))
}

fn failed(error: NumberError) -> Failure {
    Failure::Call(error.to_string())
}

/// Terraform calculates these with 64 bits and shows the shortest decimal of the result.
fn float(value: f64) -> Outcome {
    let number_of = Number::from_f64(value);
    let result = number_of.ok_or_else(|| Failure::Call("the result is no number".to_owned()))?;
    number(result.map_err(failed)?)
}

/// The first of the numbers that no other one lies on that side of.
fn extreme(arguments: &Arguments<'_>, side: Ordering) -> Outcome {
    let numbers = (0..arguments.count()).map(|at| arguments.number(at));
    let chosen = numbers.reduce(|chosen, number| if number.cmp(&chosen) == side { number } else { chosen });
    number(chosen.ok_or_else(|| Failure::Call("at least one number is required".to_owned()))?)
}

fn parseint(arguments: &Arguments<'_>) -> Outcome {
    let value = arguments.value(0);
    let Some(text) = value.as_text() else {
        return Err(Failure::Argument(0, "a string is required".to_owned()));
    };
    let base = arguments.integer(1).ok().filter(|base| (2..=62).contains(base));
    let base = base.ok_or_else(|| Failure::Argument(1, "a whole number from 2 to 62 is required".to_owned()))?;
    let refused = || Failure::Argument(0, format!("this is no whole number in base {base}"));
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Longer than any number of 4096 decimal digits in base 2.
    if digits.is_empty() || digits.len() > 14_000 {
        return Err(refused());
    }
    let mut value = BigInt::from(0);
    for c in digits.chars() {
        let digit = digit(c, base).ok_or_else(refused)?;
        value = value * base + digit;
    }
    number(Number::from_bigint(if negative { -value } else { value }).map_err(failed)?)
}

/// The value of a digit: up to base 36 letters of both cases mean the same, above lower case comes first.
fn digit(c: char, base: i64) -> Option<i64> {
    let offset = |first: char| i64::from(u32::from(c)) - i64::from(u32::from(first));
    let value = match c {
        '0'..='9' => offset('0'),
        'a'..='z' => offset('a') + 10,
        'A'..='Z' if base <= 36 => offset('A') + 10,
        'A'..='Z' => offset('A') + 36,
        _ => return None,
    };
    (value < base).then_some(value)
}

fn sum(arguments: &Arguments<'_>) -> Outcome {
    let wrong = || Failure::Argument(0, "a list, set or tuple of numbers is required".to_owned());
    let list = arguments.value(0);
    let elements = list.elements().ok_or_else(wrong)?;
    if elements.is_empty() {
        return Err(Failure::Argument(0, "an empty list has no sum".to_owned()));
    }
    let mut total: Option<Number> = None;
    for element in elements {
        let converted = crate::lang::convert::convert(element, &crate::lang::Type::Number).map_err(|_| wrong())?;
        let Shape::Number(summand) = &converted.shape else {
            return Err(wrong());
        };
        // The first one is not added to anything: the sum of a negative zero is one.
        total = Some(match total {
            Some(total) => total.plus(summand).map_err(failed)?,
            None => summand.clone(),
        });
    }
    number(total.unwrap_or_else(Number::zero))
}
