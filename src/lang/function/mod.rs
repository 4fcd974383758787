//! The function library: one table, one file per family. Names and results are Terraform's, but for `key_vault_secret`, which is
//! ours.
//!
//! A new function is one entry in the table of its family. Conversion of arguments, null, unknown and sensitive
//! values are dealt with here, so that an implementation sees plain values of the types it asked for.

mod charset;
mod cidr;
mod collection;
mod encoding;
mod file;
mod format;
mod glob;
mod hash;
mod number;
mod regex;
mod sequence;
mod set;
mod string;
mod template;
mod time;
mod types;
mod vault;
mod yaml;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Span};
use crate::lang::code;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluated, Evaluator, Frames, Reported, shown};
use crate::lang::expr::{Call, Expr, Spread};
use crate::lang::marks::Marks;
use crate::lang::order;
use crate::lang::value::{Shape, Type, Value};
use crate::lang::vault as vaults;

/// A function of the language.
pub struct Function {
    /// Its name; `core::NAME` is the same function.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// The parameters that every call gives.
    pub parameters: &'static [Parameter],
    /// The parameter that takes all further arguments.
    pub rest: Option<Parameter>,
    /// What a call makes.
    pub body: Body,
}

/// How a function gets its result.
pub enum Body {
    /// From the values of its arguments.
    Plain {
        /// The type of the result, for arguments that are not known yet.
        returns: Returns,
        /// The result.
        run: fn(&Arguments<'_>) -> Outcome,
    },
    /// From the expressions of its arguments: it decides what is evaluated.
    Lazy(fn(&Evaluator<'_>, &[Expr], Frames<'_>, Span) -> Evaluated),
}

/// The type of a result.
pub enum Returns {
    /// Always the same.
    Always(Wants),
    /// As the arguments say.
    By(fn(&[Value]) -> Type),
}

/// A parameter of a function.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// The type that arguments are converted to.
    pub wants: Wants,
    /// What happens to null.
    pub nulls: Nulls,
    /// What happens to unknown values.
    pub unknowns: Unknowns,
    /// Where the marks of values inside the argument go.
    pub travel: Travel,
}

/// What happens to an argument that is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// It is an error.
    Refused,
    /// The implementation sees it.
    Seen,
}

/// What happens to unknown values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknowns {
    /// An unknown argument makes an unknown result; what is unknown inside it is seen.
    Stop,
    /// Anything unknown in the argument makes an unknown result.
    StopInside,
    /// The implementation sees all.
    Seen,
}

/// Where the marks of values inside an argument go. A mark of the argument itself always marks the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// The whole result takes them on.
    Spread,
    /// The implementation sees them, and they stay where they are.
    Kept,
}

/// A type that can stand in a table.
#[derive(Clone, Copy)]
pub enum Wants {
    /// Anything.
    Any,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// A text.
    String,
    /// A list.
    List(&'static Wants),
    /// A set.
    Set(&'static Wants),
    /// A map.
    Map(&'static Wants),
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// One argument, counted from zero, is at fault.
    Argument(usize, String),
    /// The arguments do not go together.
    Call(String),
}

/// What a call makes.
pub type Outcome = Result<Value, Failure>;

/// The arguments of a call, converted.
pub struct Arguments<'a> {
    values: &'a [Value],
    evaluator: &'a Evaluator<'a>,
}

/// Every family of functions.
pub const FAMILIES: &[&[Function]] = &[
    cidr::FUNCTIONS,
    collection::FUNCTIONS,
    encoding::FUNCTIONS,
    file::FUNCTIONS,
    format::FUNCTIONS,
    hash::FUNCTIONS,
    number::FUNCTIONS,
    regex::FUNCTIONS,
    sequence::FUNCTIONS,
    set::FUNCTIONS,
    string::FUNCTIONS,
    template::FUNCTIONS,
    time::FUNCTIONS,
    types::FUNCTIONS,
    vault::FUNCTIONS,
];

const CHANGES: &str = "its result differs on every run, so that nothing could ever be as declared";
/// What is said instead of a reason that would quote something with these marks.
fn unsaid(marks: Marks) -> String {
    format!("why is not shown, since an argument is {}", marks.word())
}

/// Functions of Terraform that do not exist here, and why.
pub const ABSENT: &[(&str, &str)] = &[
    (
        "base64gzip",
        "it packs start-up scripts of machines, and nothing here takes one; `base64encode` writes Base64",
    ),
    ("bcrypt", CHANGES),
    (
        "pathexpand",
        "home directories differ from person to person; start paths at `path.module`, or take them from a variable",
    ),
    ("plantimestamp", CHANGES),
    (
        "rsadecrypt",
        "it reads first passwords of Windows machines, and its private key would stand in the configuration",
    ),
    ("timestamp", CHANGES),
    (
        "uuid",
        "its result differs on every run; `uuidv5` makes the same from the same name",
    ),
];

/// The function of that name, with or without `core::`.
pub fn find(name: &str) -> Option<&'static Function> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    all().find(|function| function.name == name)
}

/// Every function.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().copied().flatten()
}

impl Parameter {
    /// A parameter that sees neither null nor unknown nor marked values.
    pub const fn new(name: &'static str, wants: Wants) -> Self {
        Self {
            name,
            wants,
            nulls: Nulls::Refused,
            unknowns: Unknowns::Stop,
            travel: Travel::Spread,
        }
    }

    /// The same, seeing null.
    pub const fn nullable(self) -> Self {
        Self {
            nulls: Nulls::Seen,
            ..self
        }
    }

    /// The same, with that treatment of unknown values.
    pub const fn unknowns(self, unknowns: Unknowns) -> Self {
        Self { unknowns, ..self }
    }

    /// The same, with marks inside staying where they are.
    pub const fn keeping_marks(self) -> Self {
        Self {
            travel: Travel::Kept,
            ..self
        }
    }
}

impl Wants {
    /// The type that it stands for.
    pub fn to_type(self) -> Type {
        match self {
            Self::Any => Type::Any,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::List(element) => Type::List(element.to_type().into()),
            Self::Set(element) => Type::Set(element.to_type().into()),
            Self::Map(element) => Type::Map(element.to_type().into()),
        }
    }
}

impl Function {
    /// A function of fixed parameters.
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        parameters: &'static [Parameter],
        returns: Returns,
        run: fn(&Arguments<'_>) -> Outcome,
    ) -> Self {
        Self {
            name,
            doc,
            parameters,
            rest: None,
            body: Body::Plain { returns, run },
        }
    }

    /// The same, taking any number of further arguments.
    pub const fn and_rest(self, rest: Parameter) -> Self {
        // The whole is taken apart because a constant function cannot drop what it replaces.
        let Self {
            name,
            doc,
            parameters,
            rest: None,
            body,
        } = self
        else {
            panic!("a function has one rest");
        };
        Self {
            name,
            doc,
            parameters,
            rest: Some(rest),
            body,
        }
    }

    fn parameter(&self, at: usize) -> Option<&Parameter> {
        self.parameters.get(at).or(self.rest.as_ref())
    }
}

/// What a call evaluates to.
pub(super) fn call(evaluator: &Evaluator<'_>, call: &Call, span: Span, frames: Frames<'_>) -> Evaluated {
    let Some(function) = find(&call.name.value) else {
        return Err(unknown_function(evaluator, call));
    };
    match &function.body {
        Body::Lazy(run) => run(evaluator, &call.arguments, frames, span),
        Body::Plain { returns, run } => {
            let Some(given) = arguments(evaluator, call, frames)? else {
                return Ok(Value::unknown(Type::Any));
            };
            count(evaluator, function, call, &given, span)?;
            plain(evaluator, function, (returns, *run), &given, span)
        }
    }
}

fn unknown_function(evaluator: &Evaluator<'_>, call: &Call) -> Reported {
    let name = &*call.name.value;
    let diagnostic = Diagnostic::error(code::UNKNOWN_FUNCTION, "unknown function")
        .at(call.name.span, format!("there is no function `{name}`"));
    let plain = name.strip_prefix("core::").unwrap_or(name);
    let absent = ABSENT.iter().find(|(absent, _)| *absent == plain);
    evaluator.fail(match absent {
        Some((_, why)) => diagnostic.hint(*why),
        None if plain.contains("::") => {
            diagnostic.hint("only the functions of the language itself exist: `NAME` or `core::NAME`")
        }
        None => diagnostic.suggest(plain, all().map(|function| function.name)),
    })
}

/// An argument and where it was written.
struct Given {
    value: Value,
    span: Span,
}

/// The arguments with a spread one taken apart: nothing when that one is unknown.
fn arguments(evaluator: &Evaluator<'_>, call: &Call, frames: Frames<'_>) -> Result<Option<Vec<Given>>, Reported> {
    let values = evaluator.all(&call.arguments, frames)?;
    let mut given: Vec<Given> = values
        .into_iter()
        .zip(&call.arguments)
        .map(|(value, expr)| Given { value, span: expr.span })
        .collect();
    if call.spread == Spread::None {
        return Ok(Some(given));
    }
    let Some(last) = given.pop() else {
        return Ok(Some(given));
    };
    if last.value.is_unknown() {
        return Ok(None);
    }
    let Some(elements) = last.value.elements() else {
        let text = format!(
            "`...` wants a list, set or tuple, this is {}",
            crate::lang::eval::shown(&last.value)
        );
        return Err(evaluator.fail(Diagnostic::error(code::BAD_ARGUMENT, "invalid argument").at(last.span, text)));
    };
    given.extend(elements.iter().map(|value| Given {
        value: value.clone().marked(last.value.marks),
        span: last.span,
    }));
    Ok(Some(given))
}

fn count(
    evaluator: &Evaluator<'_>,
    function: &Function,
    call: &Call,
    given: &[Given],
    span: Span,
) -> Result<(), Reported> {
    let wrong = |at: Span, text: String| {
        evaluator.fail(
            Diagnostic::error(code::ARGUMENT_COUNT, "wrong number of arguments")
                .at(at, text)
                .hint(signature(function)),
        )
    };
    if let Some(missing) = function.parameters.get(given.len()) {
        let text = format!("`{}` misses its argument `{}`", call.name.value, missing.name);
        return Err(wrong(span, text));
    }
    match (&function.rest, given.get(function.parameters.len())) {
        (None, Some(extra)) => {
            let text = format!("`{}` takes no argument here", call.name.value);
            Err(wrong(extra.span, text))
        }
        (Some(_), _) | (None, None) => Ok(()),
    }
}

/// How a function is called: `join(separator, lists...)`.
pub fn signature(function: &Function) -> String {
    let mut names: Vec<Cow<'_, str>> = function
        .parameters
        .iter()
        .map(|parameter| parameter.name.into())
        .collect();
    names.extend(function.rest.iter().map(|rest| format!("{}...", rest.name).into()));
    format!("{}({})", function.name, names.join(", "))
}

type Plain<'f> = (&'f Returns, fn(&Arguments<'_>) -> Outcome);

fn plain(
    evaluator: &Evaluator<'_>,
    function: &Function,
    (returns, run): Plain<'_>,
    given: &[Given],
    span: Span,
) -> Evaluated {
    let (mut values, mut unknown, mut marks, mut problem) = (Vec::with_capacity(given.len()), false, Marks::NONE, None);
    // A mark that stays inside of its argument does not mark the result, but what is said of a failure may quote it.
    let quoted = given.iter().fold(Marks::NONE, |marks, argument| {
        marks | order::deep_marks(&argument.value)
    });
    for (at, argument) in given.iter().enumerate() {
        let Some(parameter) = function.parameter(at) else {
            continue;
        };
        match prepared(parameter, &argument.value) {
            // What stops at an unknown value would have to know it.
            Ok(prepared) if prepared.unknown && vaults::hangs_on_vault(&argument.value) => {
                problem = Some(evaluator.fail(vaults::refused(argument.span)));
            }
            Ok(prepared) => {
                unknown |= prepared.unknown;
                marks |= prepared.marks;
                values.push(prepared.value);
            }
            Err(text) => problem = Some(bad_argument(evaluator, parameter, argument.span, &text)),
        }
    }
    if let Some(reported) = problem {
        return Err(reported);
    }
    if unknown {
        let ty = match returns {
            Returns::Always(wants) => wants.to_type(),
            Returns::By(of) => of(&values),
        };
        return Ok(Value::unknown(ty).marked(marks));
    }
    let arguments = Arguments {
        values: &values,
        evaluator,
    };
    let failure = match run(&arguments) {
        Ok(value) if value.is_unknown() && value.vault_secret().is_none() => {
            for argument in given {
                vaults::refuse(evaluator, &argument.value, argument.span)?;
            }
            return Ok(value.marked(marks));
        }
        Ok(value) => return Ok(value.marked(marks)),
        Err(failure) if quoted.hide() => failure.without_reason(quoted),
        Err(failure) => failure,
    };
    match failure {
        Failure::Argument(at, text) => {
            let place = given.get(at).map_or(span, |argument| argument.span);
            let Some(parameter) = function.parameter(at) else {
                return Err(failed(evaluator, function, span, text));
            };
            Err(bad_argument(evaluator, parameter, place, &text))
        }
        Failure::Call(text) => Err(failed(evaluator, function, span, text)),
    }
}

struct Prepared {
    value: Value,
    unknown: bool,
    marks: Marks,
}

fn prepared(parameter: &Parameter, given: &Value) -> Result<Prepared, String> {
    if given.is_null() && parameter.nulls == Nulls::Refused {
        return Err("null is not allowed".to_owned());
    }
    let converted = convert(given, &parameter.wants.to_type()).map_err(|error| match error.path.is_empty() {
        true => format!("{error}, this is {}", shown(given)),
        false => error.to_string(),
    })?;
    let unknown = match parameter.unknowns {
        Unknowns::Stop => converted.is_unknown(),
        Unknowns::StopInside => !order::wholly_known(&converted),
        Unknowns::Seen => false,
    };
    let (value, marks) = match parameter.travel {
        Travel::Spread => (order::unmarked(&converted), order::deep_marks(&converted)),
        Travel::Kept => {
            let marks = converted.marks;
            (Value::new(converted.shape), marks)
        }
    };
    Ok(Prepared { value, unknown, marks })
}

fn bad_argument(evaluator: &Evaluator<'_>, parameter: &Parameter, span: Span, text: &str) -> Reported {
    evaluator.fail(
        Diagnostic::error(code::BAD_ARGUMENT, "invalid argument")
            .at(span, format!("invalid value for `{}`: {text}", parameter.name)),
    )
}

fn failed(evaluator: &Evaluator<'_>, function: &Function, span: Span, text: String) -> Reported {
    evaluator.fail(Diagnostic::error(code::CALL_FAILED, format!("`{}` has no result", function.name)).at(span, text))
}

impl Failure {
    /// The same failure, quoting nothing of the arguments.
    fn without_reason(self, marks: Marks) -> Self {
        match self {
            Self::Argument(at, _) => Self::Argument(at, unsaid(marks)),
            Self::Call(_) => Self::Call(unsaid(marks)),
        }
    }
}

impl<'a> Arguments<'a> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// All of them.
    pub fn all(&self) -> &'a [Value] {
        self.values
    }

    /// Those from `first` on.
    pub fn from(&self, first: usize) -> &'a [Value] {
        self.values.get(first..).unwrap_or_default()
    }

    /// One of them.
    pub fn value(&self, at: usize) -> Value {
        self.values.get(at).cloned().unwrap_or_else(Value::null)
    }

    /// The text of a parameter that wants one.
    pub fn text(&self, at: usize) -> &'a str {
        self.values.get(at).and_then(Value::as_text).unwrap_or_default()
    }

    /// The truth of a parameter that wants one.
    pub fn truth(&self, at: usize) -> bool {
        self.values.get(at).and_then(Value::as_bool).unwrap_or_default()
    }

    /// The number of a parameter that wants one.
    pub fn number(&self, at: usize) -> crate::lang::Number {
        match self.values.get(at).map(|value| &value.shape) {
            Some(Shape::Number(number)) => number.clone(),
            _ => crate::lang::Number::zero(),
        }
    }

    /// The whole number of a parameter that wants a number.
    ///
    /// # Errors
    /// When it has a fraction or does not fit.
    pub fn integer(&self, at: usize) -> Result<i64, Failure> {
        self.number(at)
            .to_i64()
            .ok_or_else(|| Failure::Argument(at, "a whole number is required".to_owned()))
    }

    /// The elements of a list, set or tuple.
    pub fn elements(&self, at: usize) -> &'a [Value] {
        self.values.get(at).and_then(Value::elements).unwrap_or_default()
    }

    /// The entries of a map or object.
    pub fn entries(&self, at: usize) -> Option<&'a BTreeMap<Arc<str>, Value>> {
        self.values.get(at).and_then(Value::entries)
    }

    /// Who called.
    pub fn evaluator(&self) -> &'a Evaluator<'a> {
        self.evaluator
    }
}

/// The value as JSON, as `jsonencode` writes it.
///
/// # Errors
/// When part of it is not known yet.
pub fn json_of(value: &Value) -> Result<String, String> {
    encoding::json_text(value)
}
