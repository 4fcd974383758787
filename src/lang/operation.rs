//! What operators make of values. Marks and unknowns pass through every one.

use std::cmp::Ordering;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::convert::{convert, described};
use crate::lang::eval::{Evaluated, Evaluator, shown};
use crate::lang::expr::{Binary, Operator, Unary};
use crate::lang::number::{Number, NumberError};
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};
use crate::lang::vault;

/// Why an operator cannot take a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum OperandError {
    #[error("a {wanted} is required, this is {is}")]
    Kind { wanted: &'static str, is: String },
}

/// The value that a prefix operator makes.
pub(super) fn unary(operator: Unary, value: &Value) -> Result<Value, OperandError> {
    match operator {
        Unary::Not => {
            let truth = operand(value, &Type::Bool, "bool")?;
            Ok(match truth.as_bool() {
                Some(known) => Value::bool(!known),
                None => Value::unknown(Type::Bool),
            }
            .marked(truth.marks))
        }
        Unary::Negate => {
            let number = operand(value, &Type::Number, "number")?;
            Ok(match &number.shape {
                Shape::Number(known) => Value::new(Shape::Number(known.negated())),
                _ => Value::unknown(Type::Number),
            }
            .marked(number.marks))
        }
    }
}

fn operand(value: &Value, ty: &Type, wanted: &'static str) -> Result<Value, OperandError> {
    let wrong = || OperandError::Kind {
        wanted,
        is: shown(value),
    };
    if value.is_null() {
        return Err(wrong());
    }
    convert(value, ty).map_err(|_| wrong())
}

/// The value that an infix operator makes.
pub(super) fn binary(evaluator: &Evaluator<'_>, binary: &Binary, span: Span, left: &Value, right: &Value) -> Evaluated {
    vault::refuse(evaluator, left, binary.left.span)?;
    vault::refuse(evaluator, right, binary.right.span)?;
    match binary.operator {
        Operator::Equal => Ok(equality(left, right, |equal| equal)),
        Operator::Unequal => Ok(equality(left, right, |equal| !equal)),
        Operator::And => logic(evaluator, binary, left, right, |a, b| a && b),
        Operator::Or => logic(evaluator, binary, left, right, |a, b| a || b),
        Operator::Less => comparison(evaluator, binary, left, right, Ordering::is_lt),
        Operator::LessOrEqual => comparison(evaluator, binary, left, right, Ordering::is_le),
        Operator::Greater => comparison(evaluator, binary, left, right, Ordering::is_gt),
        Operator::GreaterOrEqual => comparison(evaluator, binary, left, right, Ordering::is_ge),
        Operator::Add => arithmetic(evaluator, binary, span, left, right, Number::plus),
        Operator::Subtract => arithmetic(evaluator, binary, span, left, right, Number::minus),
        Operator::Multiply => arithmetic(evaluator, binary, span, left, right, Number::times),
        Operator::Divide => arithmetic(evaluator, binary, span, left, right, Number::divided_by),
        Operator::Remainder => arithmetic(evaluator, binary, span, left, right, Number::remainder),
    }
}

fn equality(left: &Value, right: &Value, answer: fn(bool) -> bool) -> Value {
    // A comparison looks at every leaf, so the marks of one leaf are the answer's.
    let marks = order::deep_marks(left) | order::deep_marks(right);
    match order::equal(left, right) {
        Some(equal) => Value::bool(answer(equal)),
        None => Value::unknown(Type::Bool),
    }
    .marked(marks)
}

fn operands(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    values: [&Value; 2],
    ty: &Type,
) -> Result<[Value; 2], crate::lang::eval::Reported> {
    let one = |value: &Value, span: Span| {
        let wrong = || {
            let text = format!(
                "`{}` wants a {} here, this is {}",
                binary.operator.symbol(),
                described(ty),
                shown(value)
            );
            let refused = Diagnostic::error(code::BAD_OPERAND, "invalid operand").at(span, text);
            evaluator.fail(match (binary.operator, &value.shape) {
                (Operator::Add, Shape::Text(_)) => refused.hint("texts are joined in quotes: `\"${a}${b}\"`"),
                (Operator::Add, Shape::List(..) | Shape::Tuple(_) | Shape::Set(..)) => {
                    refused.hint("`concat(…)` joins lists, `setunion(…)` sets")
                }
                (Operator::Add, Shape::Map(..) | Shape::Object(_)) => refused.hint("`merge(…)` joins maps and objects"),
                _ => refused,
            })
        };
        if value.is_null() {
            return Err(wrong());
        }
        convert(value, ty).map_err(|_| wrong())
    };
    let [left, right] = values;
    let (left, right) = (one(left, binary.left.span), one(right, binary.right.span));
    Ok([left?, right?])
}

fn logic(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    left: &Value,
    right: &Value,
    answer: fn(bool, bool) -> bool,
) -> Evaluated {
    let [left, right] = operands(evaluator, binary, [left, right], &Type::Bool)?;
    Ok(match (left.as_bool(), right.as_bool()) {
        (Some(a), Some(b)) => Value::bool(answer(a, b)),
        _ => Value::unknown(Type::Bool),
    }
    .marked(left.marks | right.marks))
}

fn comparison(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    left: &Value,
    right: &Value,
    answer: fn(Ordering) -> bool,
) -> Evaluated {
    let [left, right] = operands(evaluator, binary, [left, right], &Type::Number)?;
    Ok(match (&left.shape, &right.shape) {
        (Shape::Number(a), Shape::Number(b)) => Value::bool(answer(a.cmp(b))),
        _ => Value::unknown(Type::Bool),
    }
    .marked(left.marks | right.marks))
}

fn arithmetic(
    evaluator: &Evaluator<'_>,
    binary: &Binary,
    span: Span,
    left: &Value,
    right: &Value,
    calculate: fn(&Number, &Number) -> Result<Number, NumberError>,
) -> Evaluated {
    let [left, right] = operands(evaluator, binary, [left, right], &Type::Number)?;
    let marks = left.marks | right.marks;
    let (Shape::Number(a), Shape::Number(b)) = (&left.shape, &right.shape) else {
        return Ok(Value::unknown(Type::Number).marked(marks));
    };
    match calculate(a, b) {
        Ok(number) => Ok(Value::new(Shape::Number(number)).marked(marks)),
        Err(error) => {
            let at = if error == NumberError::ZeroByZero {
                binary.right.span
            } else {
                span
            };
            Err(evaluator.fail(Diagnostic::error(code::ARITHMETIC, "no result").at(at, error.to_string())))
        }
    }
}
