//! What an expression evaluates to in a scope. It opens no file and knows no block; both reach it as arguments.
//!
//! A problem is noted once, and [`Reported`] then stands for the value: nothing built on it reports anything again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Participant, Span};
use crate::lang::code;
use crate::lang::convert::{convert, described, type_of, unify};
use crate::lang::expr::{Conditional, Expr, For, ForResult, Grouping, Key, Name, Node, Reference};
use crate::lang::files::Files;
use crate::lang::marks::Marks;
use crate::lang::value::{Shape, Type, Value};
use crate::lang::{function, operation, participants, path, text, vault};

/// The value has a problem that was noted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported(());

impl Reported {
    /// For a problem that an earlier pass noted.
    pub fn before() -> Self {
        Self(())
    }
}

/// A value, or a problem that was noted.
pub type Evaluated = Result<Value, Reported>;

/// What names mean.
pub trait Scope {
    /// What the first steps of a reference name.
    ///
    /// # Errors
    /// When they name nothing; the problem is noted with [`Evaluator::fail`].
    fn resolve(
        &self,
        reference: &Reference,
        evaluator: &Evaluator<'_>,
        frames: Frames<'_>,
    ) -> Result<Resolved, Reported>;
}

/// What the start of a reference names.
pub struct Resolved {
    /// The value.
    pub value: Value,
    /// How many steps of the reference led to it.
    pub steps: usize,
}

/// Evaluates expressions of one scope and gathers their problems.
pub struct Evaluator<'a> {
    scope: &'a dyn Scope,
    files: &'a dyn Files,
    found: RefCell<Diagnostics>,
}

/// A name that is bound around an expression, by a `for` or as the iterator of a `dynamic` block.
#[derive(Clone, Copy)]
pub struct Frame<'f> {
    name: &'f str,
    value: &'f Value,
    outer: Option<&'f Frame<'f>>,
}

/// The names bound around an expression, innermost first.
pub type Frames<'f> = Option<&'f Frame<'f>>;

impl<'f> Frame<'f> {
    /// Binds a name inside of what is bound already.
    pub fn new(name: &'f str, value: &'f Value, outer: Frames<'f>) -> Self {
        Self { name, value, outer }
    }

    fn find(&self, name: &str) -> Option<&Value> {
        let mut frame = Some(self);
        while let Some(here) = frame {
            if here.name == name {
                return Some(here.value);
            }
            frame = here.outer;
        }
        None
    }
}

impl<'a> Evaluator<'a> {
    /// For expressions that mean something in `scope`.
    pub fn new(scope: &'a dyn Scope, files: &'a dyn Files) -> Self {
        Self {
            scope,
            files,
            found: RefCell::default(),
        }
    }

    /// The problems found since the last time.
    pub fn take_found(&self) -> Diagnostics {
        self.found.take()
    }

    /// Notes a problem.
    pub fn fail(&self, diagnostic: Diagnostic) -> Reported {
        self.found.borrow_mut().push(diagnostic);
        Reported(())
    }

    /// The door to files.
    pub fn files(&self) -> &dyn Files {
        self.files
    }

    /// What the expression evaluates to.
    ///
    /// # Errors
    /// When it has no value; the reasons are noted.
    pub fn eval(&self, expr: &Expr) -> Evaluated {
        self.eval_in(expr, None)
    }

    /// What `work` answers, and the problems it found, which are not noted.
    pub(super) fn apart<T>(&self, work: impl FnOnce() -> T) -> (T, Diagnostics) {
        let before = self.found.take();
        let result = work();
        (result, self.found.replace(before))
    }

    pub(super) fn note(&self, found: Diagnostics) {
        self.found.borrow_mut().extend(found);
    }

    /// The same with names bound around it.
    ///
    /// # Errors
    /// When it has no value; the reasons are noted.
    pub fn eval_in(&self, expr: &Expr, frames: Frames<'_>) -> Evaluated {
        let before = self.found.borrow().len();
        let result = self.node(expr, frames);
        if result.is_err() {
            self.show_values(expr, frames, before);
        }
        result
    }

    /// Completes what was found since with the values that took part, unless an expression further inside did.
    fn show_values(&self, expr: &Expr, frames: Frames<'_>, before: usize) {
        // Apart, because what is asked for here may have problems of its own.
        let mut found = self.found.take();
        for diagnostic in found.from_mut(before) {
            if diagnostic.values.is_none() {
                diagnostic.values = Some(participants::of(self, expr, frames, diagnostic));
            }
        }
        self.found.replace(found);
    }

    /// The values that took part in an expression as a whole.
    pub fn participants(&self, expr: &Expr) -> Vec<Participant> {
        participants::of_all(self, expr)
    }

    fn node(&self, expr: &Expr, frames: Frames<'_>) -> Evaluated {
        match &expr.node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Template(pieces) => text::template(self, pieces, frames),
            Node::Wrapped(inner) | Node::Parenthesis(inner) => self.eval_in(inner, frames),
            Node::Tuple(elements) => self.all(elements, frames).map(Value::tuple),
            Node::Object(items) => self.object(items, frames),
            Node::Reference(reference) => self.reference(reference, frames),
            Node::Access(of, steps) => {
                let value = self.eval_in(of, frames)?;
                path::walk(self, value, steps, frames)
            }
            Node::Call(call) => function::call(self, call, expr.span, frames),
            Node::Unary(operator, operand) => {
                let value = self.eval_in(operand, frames)?;
                vault::refuse(self, &value, operand.span)?;
                operation::unary(*operator, &value).map_err(|problem| {
                    let text = format!("{problem}");
                    self.fail(Diagnostic::error(code::BAD_OPERAND, "invalid operand").at(operand.span, text))
                })
            }
            Node::Binary(binary) => {
                let left = self.eval_in(&binary.left, frames);
                let right = self.eval_in(&binary.right, frames);
                operation::binary(self, binary, expr.span, &left?, &right?)
            }
            Node::Conditional(choice) => self.conditional(choice, expr.span, frames),
            Node::For(each) => self.for_expr(each, frames),
        }
    }

    /// The values of all expressions. Each is evaluated even when another has a problem, so that all are noted.
    pub(super) fn all(&self, expressions: &[Expr], frames: Frames<'_>) -> Result<Vec<Value>, Reported> {
        let results: Vec<_> = expressions.iter().map(|expr| self.eval_in(expr, frames)).collect();
        results.into_iter().collect()
    }

    pub(super) fn reference(&self, reference: &Reference, frames: Frames<'_>) -> Evaluated {
        let bound = frames.and_then(|frames| frames.find(&reference.root.value));
        let (value, taken) = match bound {
            Some(value) => (value.clone(), 0),
            None => {
                let resolved = self.scope.resolve(reference, self, frames)?;
                (resolved.value, resolved.steps)
            }
        };
        path::walk(self, value, reference.steps.get(taken..).unwrap_or_default(), frames)
    }

    /// The text that an object key stands for: nothing when it is unknown.
    fn key(&self, key: &Expr, frames: Frames<'_>) -> Result<(Option<Arc<str>>, Marks), Reported> {
        let value = self.eval_in(key, frames)?;
        vault::refuse(self, &value, key.span)?;
        let refuse =
            |text: String| self.fail(Diagnostic::error(code::OBJECT_KEY, "invalid object key").at(key.span, text));
        if value.is_null() {
            return Err(refuse("a key cannot be null".to_owned()));
        }
        match convert(&value, &Type::String) {
            Ok(Value {
                shape: Shape::Text(text),
                marks,
            }) => Ok((Some(text), marks)),
            Ok(value) => Ok((None, value.marks)),
            Err(_) => Err(refuse(format!("a key is a string, this is {}", shown(&value)))),
        }
    }

    fn object(&self, items: &[(Key, Expr)], frames: Frames<'_>) -> Evaluated {
        let mut object = BTreeMap::new();
        let (mut known, mut marks, mut problem) = (true, Marks::NONE, None);
        for (key, value) in items {
            let name = match key {
                Key::Name(name) => Ok((Some(name.value.clone()), Marks::NONE)),
                Key::Computed(key) => self.key(key, frames),
            };
            let value = self.eval_in(value, frames);
            match (name, value) {
                (Ok((Some(name), marked)), Ok(value)) => {
                    marks |= marked;
                    object.insert(name, value);
                }
                (Ok((None, marked)), Ok(_)) => {
                    known = false;
                    marks |= marked;
                }
                (Err(reported), _) | (_, Err(reported)) => problem = Some(reported),
            }
        }
        match problem {
            Some(reported) => Err(reported),
            None if known => Ok(Value::object(object).marked(marks)),
            None => Ok(Value::unknown(Type::Any).marked(marks)),
        }
    }

    fn conditional(&self, choice: &Conditional, span: Span, frames: Frames<'_>) -> Evaluated {
        let condition = self.eval_in(&choice.condition, frames);
        // Only the problems of the side that is taken count, but both sides decide about the type.
        let (then, then_found) = self.apart(|| self.eval_in(&choice.then, frames));
        let (otherwise, otherwise_found) = self.apart(|| self.eval_in(&choice.otherwise, frames));
        let ty = match (&then, &otherwise) {
            (Ok(then), Ok(otherwise)) => self.common_type(choice, span, then, otherwise)?,
            (Err(_), _) | (_, Err(_)) => Type::Any,
        };
        let condition = self.truth(&condition?, choice.condition.span)?;
        let sides = [then.as_ref(), otherwise.as_ref()];
        let marks = sides
            .iter()
            .flatten()
            .fold(condition.marks, |marks, side| marks | side.marks);
        match condition.value {
            Some(taken) => {
                let (result, found) = if taken {
                    (then, then_found)
                } else {
                    (otherwise, otherwise_found)
                };
                self.note(found);
                let value = result?;
                let converted = convert(&value, &ty).map_err(|error| {
                    self.fail(
                        Diagnostic::error(code::BRANCHES, "inconsistent conditional result types")
                            .at(span, error.to_string()),
                    )
                })?;
                Ok(converted.marked(marks))
            }
            None => Ok(Value::unknown(ty).marked(marks)),
        }
    }

    fn common_type(&self, choice: &Conditional, span: Span, then: &Value, otherwise: &Value) -> Result<Type, Reported> {
        let types = [type_of(then), type_of(otherwise)];
        let common = match &types {
            [Type::Any, other] if then.is_null() => Some(other.clone()),
            [other, Type::Any] if otherwise.is_null() => Some(other.clone()),
            [Type::Any, _] | [_, Type::Any] => Some(Type::Any),
            types => unify(types),
        };
        common.ok_or_else(|| {
            self.fail(
                Diagnostic::error(code::BRANCHES, "inconsistent conditional result types")
                    .at(span, "the two results have no type in common")
                    .and_at(choice.then.span, format!("this is {}", shown(then)))
                    .and_at(choice.otherwise.span, format!("this is {}", shown(otherwise))),
            )
        })
    }

    /// The truth of a condition.
    ///
    /// # Errors
    /// When it is neither true nor false nor unknown.
    pub fn truth(&self, value: &Value, span: Span) -> Result<Truth, Reported> {
        let refuse = |text: String| self.fail(Diagnostic::error(code::CONDITION, "invalid condition").at(span, text));
        vault::refuse(self, value, span)?;
        if value.is_null() {
            return Err(refuse("a condition is true or false, this is null".to_owned()));
        }
        match convert(value, &Type::Bool) {
            Ok(truth) => Ok(Truth {
                value: truth.as_bool(),
                marks: truth.marks,
            }),
            Err(_) => Err(refuse(format!(
                "a condition is true or false, this is {}",
                shown(value)
            ))),
        }
    }

    fn for_expr(&self, each: &For, frames: Frames<'_>) -> Evaluated {
        let collection = self.eval_in(&each.collection, frames)?;
        let Some(elements) = self.walked(&collection, each.collection.span)? else {
            return Ok(Value::unknown(Type::Any).marked(collection.marks));
        };
        let mut gathered = Gathered {
            marks: collection.marks,
            ..Gathered::default()
        };
        let mut problem = None;
        for (key, value) in elements {
            let names = Names {
                key: each.key.as_ref(),
                value: &each.value,
            };
            let result = with_names(names, &key, &value, frames, |frames| {
                self.for_element(each, frames, &mut gathered)
            });
            if let Err(reported) = result {
                // The same expression would most likely fail in the same way for every other element.
                problem = Some(reported);
                break;
            }
        }
        match problem {
            Some(reported) => Err(reported),
            None => Ok(gathered.value(&each.result)),
        }
    }

    fn for_element(&self, each: &For, frames: Frames<'_>, gathered: &mut Gathered) -> Result<(), Reported> {
        if let Some(condition) = &each.condition {
            let truth = self.truth(&self.eval_in(condition, frames)?, condition.span)?;
            gathered.marks |= truth.marks;
            match truth.value {
                Some(true) => {}
                Some(false) => return Ok(()),
                None => gathered.unknown = true,
            }
        }
        match &each.result {
            ForResult::Tuple(element) => gathered.elements.push(self.eval_in(element, frames)?),
            ForResult::Object { key, value, grouping } => {
                let (name, marks) = self.key(key, frames)?;
                gathered.marks |= marks;
                let element = self.eval_in(value, frames)?;
                let Some(name) = name else {
                    gathered.unknown = true;
                    return Ok(());
                };
                match grouping {
                    Grouping::Gathered => gathered.groups.entry(name).or_default().push(element),
                    Grouping::Single => {
                        if gathered.object.contains_key(&name) {
                            return Err(self.duplicate_key(key, &name, marks));
                        }
                        gathered.object.insert(name, element);
                    }
                }
            }
        }
        Ok(())
    }

    fn duplicate_key(&self, key: &Expr, name: &str, marks: Marks) -> Reported {
        let text = if marks.hide() {
            "two elements have the same key".to_owned()
        } else {
            format!("two elements have the key \"{name}\"")
        };
        self.fail(
            Diagnostic::error(code::ITERATION, "duplicate object key")
                .at(key.span, text)
                .hint("to gather all values of one key in a list, write `...` after the value"),
        )
    }

    /// The keys and values of a collection, each with the marks of the whole: nothing when it is unknown.
    ///
    /// # Errors
    /// When it has no elements to walk.
    pub fn walked(&self, collection: &Value, span: Span) -> Result<Option<Vec<(Value, Value)>>, Reported> {
        let refuse =
            |text: String| self.fail(Diagnostic::error(code::ITERATION, "cannot walk this value").at(span, text));
        let marked = |value: Value| value.marked(collection.marks);
        let numbered = |elements: &[Value]| {
            let index = |at: usize| Value::new(Shape::Number(at.into()));
            elements
                .iter()
                .enumerate()
                .map(|(at, value)| (marked(index(at)), marked(value.clone())))
                .collect()
        };
        let named = |entries: &BTreeMap<Arc<str>, Value>| {
            entries
                .iter()
                .map(|(key, value)| (marked(Value::text(key.clone())), marked(value.clone())))
                .collect()
        };
        match &collection.shape {
            Shape::List(elements, _) | Shape::Tuple(elements) => Ok(Some(numbered(elements))),
            Shape::Set(elements, _) => Ok(Some(
                elements
                    .iter()
                    .map(|value| (marked(value.clone()), marked(value.clone())))
                    .collect(),
            )),
            Shape::Map(entries, _) | Shape::Object(entries) => Ok(Some(named(entries))),
            Shape::Resource(resource) => Ok(Some(named(&resource.attributes))),
            Shape::Unknown(unknown) => match &unknown.ty {
                Type::Bool | Type::Number | Type::String => Err(refuse(format!(
                    "a list, set, map, tuple or object is required, this is {}",
                    shown(collection)
                ))),
                Type::Any | Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => Ok(None),
            },
            Shape::Null(_) => Err(refuse("this is null, which has no elements".to_owned())),
            Shape::Bool(_) | Shape::Number(_) | Shape::Text(_) => Err(refuse(format!(
                "a list, set, map, tuple or object is required, this is {}",
                shown(collection)
            ))),
        }
    }
}

/// What a condition says.
pub struct Truth {
    /// Nothing when it is unknown.
    pub value: Option<bool>,
    /// The marks of what it hangs on.
    pub marks: Marks,
}

/// The names that a `for` binds.
#[derive(Clone, Copy)]
pub(super) struct Names<'n> {
    pub(super) key: Option<&'n Name>,
    pub(super) value: &'n Name,
}

/// Runs `work` with the names of a `for` bound.
pub(super) fn with_names<T>(
    names: Names<'_>,
    key: &Value,
    value: &Value,
    outer: Frames<'_>,
    work: impl FnOnce(Frames<'_>) -> T,
) -> T {
    let key_frame = names.key.map(|name| Frame {
        name: &name.value,
        value: key,
        outer,
    });
    let frame = Frame {
        name: &names.value.value,
        value,
        outer: key_frame.as_ref().or(outer),
    };
    work(Some(&frame))
}

/// What a `for` expression has made so far.
#[derive(Default)]
struct Gathered {
    elements: Vec<Value>,
    object: BTreeMap<Arc<str>, Value>,
    groups: BTreeMap<Arc<str>, Vec<Value>>,
    unknown: bool,
    marks: Marks,
}

impl Gathered {
    fn value(self, result: &ForResult) -> Value {
        let value = match result {
            _ if self.unknown => Value::unknown(Type::Any),
            ForResult::Tuple(_) => Value::tuple(self.elements),
            ForResult::Object {
                grouping: Grouping::Single,
                ..
            } => Value::object(self.object),
            ForResult::Object {
                grouping: Grouping::Gathered,
                ..
            } => Value::object(
                self.groups
                    .into_iter()
                    .map(|(key, values)| (key, Value::tuple(values)))
                    .collect(),
            ),
        };
        value.marked(self.marks)
    }
}

/// A type with its article.
pub fn an(ty: &Type) -> String {
    match ty {
        Type::Object(_) => "an object".to_owned(),
        Type::Any => "a value".to_owned(),
        ty => format!("a {}", described(ty)),
    }
}

/// A value in a few words for an error: its kind, and its content when that is short and may be shown.
pub fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    let article = an;
    match &value.shape {
        _ if value.marks.hide() => format!("{} ({})", article(&type_of(value)), value.marks.word()),
        Shape::Null(_) => "null".to_owned(),
        Shape::Unknown(unknown) => format!("{} that is not known yet", article(&unknown.ty)),
        Shape::Bool(truth) => format!("the bool {truth}"),
        Shape::Number(number) => {
            let number = number.to_string();
            if number.len() > LONGEST {
                "a number".to_owned()
            } else {
                format!("the number {number}")
            }
        }
        Shape::Text(text) if text.chars().count() <= LONGEST => format!("the string {text:?}"),
        Shape::Text(_) => "a string".to_owned(),
        Shape::Resource(resource) => format!("the resource {}", resource.address),
        Shape::List(..) | Shape::Set(..) | Shape::Map(..) | Shape::Tuple(_) | Shape::Object(_) => {
            article(&type_of(value))
        }
    }
}
