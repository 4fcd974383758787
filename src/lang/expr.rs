//! Expressions as a tree with the place of every node. Nothing here parses or evaluates.

use std::sync::Arc;

use crate::diagnostic::{Span, Spanned};
use crate::lang::value::Value;

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Its place.
    pub span: Span,
    /// What it is.
    pub node: Node,
}

/// A name with its place.
pub type Name = Spanned<Arc<str>>;

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Node {
    /// A value that stands in the file: `null`, `true`, `3`, `"text"`.
    Literal(Value),
    /// A text with interpolations or directives.
    Template(Vec<Piece>),
    /// `"${…}"` and nothing else: the value itself, whatever its type.
    Wrapped(Box<Expr>),
    /// `( … )`.
    Parenthesis(Box<Expr>),
    /// `[a, b]`.
    Tuple(Vec<Expr>),
    /// `{ a = b }`.
    Object(Vec<(Key, Expr)>),
    /// A path that starts with a name: `var.a["b"].c`.
    Reference(Reference),
    /// A path that starts with another expression: `f(x).a`.
    Access(Box<Expr>, Vec<Step>),
    /// `f(a, b...)`.
    Call(Call),
    /// `!a` or `-a`.
    Unary(Unary, Box<Expr>),
    /// `a + b`.
    Binary(Box<Binary>),
    /// `a ? b : c`.
    Conditional(Box<Conditional>),
    /// `[for a in b : c]` or `{for …}`.
    For(Box<For>),
}

/// A path that starts with a name.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The first name.
    pub root: Name,
    /// What follows it.
    pub steps: Vec<Step>,
}

/// One step of a path and its place, dot or brackets included.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place.
    pub span: Span,
    /// Where it leads.
    pub node: StepNode,
}

/// Where a step of a path leads.
#[derive(Clone, Debug)]
pub enum StepNode {
    /// `.name`
    Attribute(Arc<str>),
    /// `[expression]`
    Index(Expr),
    /// `.0`
    Position(u64),
    /// `[*]` or `.*`, with the steps taken from every element.
    Splat(Vec<Step>),
}

/// The key of an object item.
#[derive(Clone, Debug)]
pub enum Key {
    /// A bare name.
    Name(Name),
    /// Anything else.
    Computed(Expr),
}

/// A piece of a template.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Text as it is.
    Text(Arc<str>),
    /// `${…}`
    Interpolation(Expr),
    /// `%{ if … } … %{ else } … %{ endif }`
    If {
        /// The condition.
        condition: Expr,
        /// What it chooses when true.
        then: Vec<Piece>,
        /// What it chooses when false.
        otherwise: Vec<Piece>,
        /// The whole directive.
        span: Span,
    },
    /// `%{ for … } … %{ endfor }`
    For {
        /// The name of the key, if asked for.
        key: Option<Name>,
        /// The name of the value.
        value: Name,
        /// What is walked.
        collection: Expr,
        /// What is written for each element.
        body: Vec<Piece>,
        /// The whole directive.
        span: Span,
    },
}

/// A function call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name, with its namespace: `max`, `core::max`.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Expr>,
    /// Whether the last argument is spread.
    pub spread: Spread,
}

/// Whether the last argument of a call ends with `...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One argument each.
    None,
    /// The last is a list of arguments.
    Last,
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// An infix operation.
#[derive(Clone, Debug)]
pub struct Binary {
    /// Which.
    pub operator: Operator,
    /// The left operand.
    pub left: Expr,
    /// The right operand.
    pub right: Expr,
}

/// An infix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// A choice.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// The condition.
    pub condition: Expr,
    /// The value when true.
    pub then: Expr,
    /// The value when false.
    pub otherwise: Expr,
}

/// A `for` expression.
#[derive(Clone, Debug)]
pub struct For {
    /// The name of the key or index, if asked for.
    pub key: Option<Name>,
    /// The name of the value.
    pub value: Name,
    /// What is walked.
    pub collection: Expr,
    /// What becomes of each element.
    pub result: ForResult,
    /// Which elements count.
    pub condition: Option<Expr>,
}

/// What a `for` expression makes.
#[derive(Clone, Debug)]
pub enum ForResult {
    /// A tuple.
    Tuple(Expr),
    /// An object.
    Object {
        /// The key.
        key: Expr,
        /// The value.
        value: Expr,
        /// What happens to values of one key.
        grouping: Grouping,
    },
}

/// What happens to values of one key in a `for` expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// A second one is an error.
    Single,
    /// `...`: they are gathered in a tuple.
    Gathered,
}

impl Operator {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::And => "&&",
            Self::Or => "||",
        }
    }
}

/// The names that the `for`s around an expression bind.
enum Bound<'b> {
    None,
    For {
        key: Option<&'b Name>,
        value: &'b Name,
        outer: &'b Bound<'b>,
    },
}

type Visitor<'v, 'e> = &'v mut dyn FnMut(&'e Expr, &Bound<'_>);

impl Bound<'_> {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::For { key, value, outer } => {
                key.is_some_and(|key| *key.value == *name) || *value.value == *name || outer.holds(name)
            }
        }
    }
}

impl Expr {
    /// Whether the value itself stands here: no reference and no call takes part.
    pub fn is_written(&self) -> bool {
        let mut written = true;
        self.walk(&Bound::None, &mut |expr, _| {
            written &= !matches!(expr.node, Node::Reference(_) | Node::Call(_));
        });
        written
    }

    /// Shows every reference below that is not to a name bound by a `for` around it, and its place.
    pub fn references<'e>(&'e self, found: &mut dyn FnMut(&'e Reference, Span)) {
        self.walk(&Bound::None, &mut |expr, bound| {
            if let Node::Reference(reference) = &expr.node
                && !bound.holds(&reference.root.value)
            {
                found(reference, expr.span);
            }
        });
    }

    /// Shows every function call below.
    pub fn calls<'e>(&'e self, found: &mut dyn FnMut(&'e Call)) {
        self.walk(&Bound::None, &mut |expr, _| {
            if let Node::Call(call) = &expr.node {
                found(call);
            }
        });
    }

    fn walk<'e>(&'e self, bound: &Bound<'_>, seen: Visitor<'_, 'e>) {
        seen(self, bound);
        match &self.node {
            Node::Literal(_) => {}
            Node::Template(pieces) => walk_pieces(pieces, bound, seen),
            Node::Wrapped(inner) | Node::Parenthesis(inner) | Node::Unary(_, inner) => inner.walk(bound, seen),
            Node::Tuple(elements) => elements.iter().for_each(|element| element.walk(bound, seen)),
            Node::Object(items) => {
                for (key, value) in items {
                    if let Key::Computed(key) = key {
                        key.walk(bound, seen);
                    }
                    value.walk(bound, seen);
                }
            }
            Node::Reference(reference) => walk_steps(&reference.steps, bound, seen),
            Node::Access(of, steps) => {
                of.walk(bound, seen);
                walk_steps(steps, bound, seen);
            }
            Node::Call(call) => call.arguments.iter().for_each(|argument| argument.walk(bound, seen)),
            Node::Binary(binary) => {
                binary.left.walk(bound, seen);
                binary.right.walk(bound, seen);
            }
            Node::Conditional(choice) => {
                choice.condition.walk(bound, seen);
                choice.then.walk(bound, seen);
                choice.otherwise.walk(bound, seen);
            }
            Node::For(each) => walk_for(each, bound, seen),
        }
    }
}

fn walk_steps<'e>(steps: &'e [Step], bound: &Bound<'_>, seen: Visitor<'_, 'e>) {
    for step in steps {
        match &step.node {
            StepNode::Attribute(_) | StepNode::Position(_) => {}
            StepNode::Index(index) => index.walk(bound, seen),
            StepNode::Splat(steps) => walk_steps(steps, bound, seen),
        }
    }
}

fn walk_for<'e>(each: &'e For, bound: &Bound<'_>, seen: Visitor<'_, 'e>) {
    each.collection.walk(bound, seen);
    let inner = Bound::For {
        key: each.key.as_ref(),
        value: &each.value,
        outer: bound,
    };
    match &each.result {
        ForResult::Tuple(element) => element.walk(&inner, seen),
        ForResult::Object {
            key,
            value,
            grouping: _,
        } => {
            key.walk(&inner, seen);
            value.walk(&inner, seen);
        }
    }
    if let Some(condition) = &each.condition {
        condition.walk(&inner, seen);
    }
}

fn walk_pieces<'e>(pieces: &'e [Piece], bound: &Bound<'_>, seen: Visitor<'_, 'e>) {
    for piece in pieces {
        match piece {
            Piece::Text(_) => {}
            Piece::Interpolation(inner) => inner.walk(bound, seen),
            Piece::If {
                condition,
                then,
                otherwise,
                span: _,
            } => {
                condition.walk(bound, seen);
                walk_pieces(then, bound, seen);
                walk_pieces(otherwise, bound, seen);
            }
            Piece::For {
                key,
                value,
                collection,
                body,
                span: _,
            } => {
                collection.walk(bound, seen);
                let inner = Bound::For {
                    key: key.as_ref(),
                    value,
                    outer: bound,
                };
                walk_pieces(body, &inner, seen);
            }
        }
    }
}
