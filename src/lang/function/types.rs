//! Conversions, marks, and the functions that look at whether an expression has a value.

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::convert::{convert, described, type_of};
use crate::lang::eval::{Evaluated, Evaluator, Frames, Reported, an, shown};
use crate::lang::expr::Expr;
use crate::lang::function::{Arguments, Body, Failure, Function, Outcome, Parameter, Returns, Unknowns, Wants};
use crate::lang::marks::Marks;
use crate::lang::order;
use crate::lang::value::{Type, Value};
use crate::lang::vault;

const VALUE: Parameter = Parameter::new("v", Wants::Any)
    .nullable()
    .unknowns(Unknowns::Seen)
    .keeping_marks();
const ANY: Returns = Returns::By(|values| values.first().map_or(Type::Any, type_of));

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "can",
        doc: "Whether an expression has a value.",
        parameters: &[Parameter::new("expression", Wants::Any)],
        rest: None,
        body: Body::Lazy(can),
    },
    Function {
        name: "try",
        doc: "The value of the first expression that has one.",
        parameters: &[],
        rest: Some(Parameter::new("expressions", Wants::Any)),
        body: Body::Lazy(attempt),
    },
    Function {
        name: "nonsensitive",
        doc: "The value, which may now be shown.",
        parameters: &[Parameter::new("value", Wants::Any)],
        rest: None,
        body: Body::Lazy(nonsensitive),
    },
    Function {
        name: "issensitive",
        doc: "Whether the value must not be shown.",
        parameters: &[Parameter::new("value", Wants::Any)],
        rest: None,
        body: Body::Lazy(is_sensitive),
    },
    Function {
        name: "ephemeralasnull",
        doc: "The value, null in place of everything in it that is ephemeral.",
        parameters: &[Parameter::new("value", Wants::Any)],
        rest: None,
        body: Body::Lazy(ephemeral_as_null),
    },
    Function::new("sensitive", "The value, which must not be shown.", &[VALUE], ANY, |a| {
        Ok(a.value(0).marked(Marks::SENSITIVE))
    }),
    Function::new("tobool", "The value as a bool.", &[VALUE], ANY, |a| {
        converted(a, Type::Bool)
    }),
    Function::new("tolist", "The value as a list.", &[VALUE], ANY, |a| {
        converted(a, Type::List(Type::Any.into()))
    }),
    Function::new("tomap", "The value as a map.", &[VALUE], ANY, |a| {
        converted(a, Type::Map(Type::Any.into()))
    }),
    Function::new("tonumber", "The value as a number.", &[VALUE], ANY, |a| {
        converted(a, Type::Number)
    }),
    Function::new("toset", "The value as a set.", &[VALUE], ANY, |a| {
        converted(a, Type::Set(Type::Any.into()))
    }),
    Function::new("tostring", "The value as a string.", &[VALUE], ANY, |a| {
        converted(a, Type::String)
    }),
];

fn converted(arguments: &Arguments<'_>, ty: Type) -> Outcome {
    let value = arguments.value(0);
    convert(&value, &ty).map_err(|error| {
        let (has, wanted) = (type_of(&value), described(&ty));
        let text = match has {
            // The text itself is at fault, not that it is one.
            Type::String => format!("{} cannot be made a {wanted}", shown(&value)),
            _ if error.path.is_empty() => format!("{} cannot be made a {wanted}", an(&has)),
            _ => format!("{} cannot be made a {wanted}: {error}", an(&has)),
        };
        Failure::Argument(0, text)
    })
}

/// The only argument of a function that looks at expressions.
fn only<'e>(evaluator: &Evaluator<'_>, arguments: &'e [Expr], span: Span, name: &str) -> Result<&'e Expr, Reported> {
    match arguments {
        [only] => Ok(only),
        _ => Err(evaluator.fail(
            Diagnostic::error(code::ARGUMENT_COUNT, "wrong number of arguments")
                .at(span, format!("`{name}` takes one argument")),
        )),
    }
}

fn can(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let expression = only(evaluator, arguments, span, "can")?;
    match tried(evaluator, expression, frames)? {
        Ok(value) if vault::is_settled(&value) => Ok(Value::bool(true)),
        // What is unknown now may turn out to have no value.
        Ok(_) => Ok(Value::unknown(Type::Bool)),
        Err(_) => Ok(Value::bool(false)),
    }
}

fn attempt(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let mut problems = Vec::new();
    for expression in arguments {
        match tried(evaluator, expression, frames)? {
            Ok(value) if vault::is_settled(&value) => return Ok(value),
            Ok(value) => {
                vault::refuse(evaluator, &value, expression.span)?;
                return Ok(Value::unknown(Type::Any));
            }
            Err(found) => problems.extend(found),
        }
    }
    let text = if arguments.is_empty() {
        "at least one expression is required"
    } else {
        "no expression has a value"
    };
    let diagnostic = Diagnostic::error(code::CALL_FAILED, "`try` has no result").at(span, text);
    let marks = problems.into_iter().filter_map(|problem| problem.primary);
    Err(evaluator.fail(marks.fold(diagnostic, |diagnostic, mark| diagnostic.and_at(mark.span, mark.text))))
}

/// The value of an expression, or its problems, which are not noted. What was noted before stays a problem.
fn tried(
    evaluator: &Evaluator<'_>,
    expression: &Expr,
    frames: Frames<'_>,
) -> Result<Result<Value, Vec<Diagnostic>>, Reported> {
    let (result, found) = evaluator.apart(|| evaluator.eval_in(expression, frames));
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(reported) if found.is_empty() => Err(reported),
        Err(_) => Ok(Err(found.iter().cloned().collect())),
    }
}

fn nonsensitive(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let value = evaluator.eval_in(only(evaluator, arguments, span, "nonsensitive")?, frames)?;
    vault::refuse(evaluator, &value, span)?;
    let marks = Marks {
        sensitive: false,
        ..value.marks
    };
    Ok(Value::new(value.shape).marked(marks))
}

fn ephemeral_as_null(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let value = evaluator.eval_in(only(evaluator, arguments, span, "ephemeralasnull")?, frames)?;
    Ok(order::ephemeral_as_null(&value))
}

fn is_sensitive(evaluator: &Evaluator<'_>, arguments: &[Expr], frames: Frames<'_>, span: Span) -> Evaluated {
    let value = evaluator.eval_in(only(evaluator, arguments, span, "issensitive")?, frames)?;
    if value.marks.sensitive {
        Ok(Value::bool(true))
    } else if value.is_unknown() {
        // It may still turn out to be sensitive.
        Ok(Value::unknown(Type::Bool))
    } else {
        Ok(Value::bool(false))
    }
}
