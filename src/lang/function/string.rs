//! Functions on texts.

use crate::lang::function::{Arguments, Body, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "lower",
        doc: "The text in lower case.",
        parameters: &[Parameter::new("str", Wants::String)],
        rest: None,
        body: plain(lower),
    },
    Function {
        name: "upper",
        doc: "The text in upper case.",
        parameters: &[Parameter::new("str", Wants::String)],
        rest: None,
        body: plain(upper),
    },
];

const fn plain(run: fn(&Arguments<'_>) -> Outcome) -> Body {
    Body::Plain {
        returns: Returns::Always(Wants::String),
        run,
    }
}

fn lower(arguments: &Arguments<'_>) -> Outcome {
    Ok(Value::text(arguments.text(0).to_lowercase()))
}

fn upper(arguments: &Arguments<'_>) -> Outcome {
    Ok(Value::text(arguments.text(0).to_uppercase()))
}
