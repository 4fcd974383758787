//! From text to expressions: the parser's tree, turned into ours. It never evaluates.
//!
//! The parser is `hcl-edit`. Where it departs from Terraform the text itself is read again through the spans:
//! numbers keep all their digits, heredocs are dedented here, and templates inside directives get their escapes.

use std::borrow::Cow;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr as hcl;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span, Spanned};
use crate::lang::code;
use crate::lang::expr::{
    Binary, Call, Conditional, Expr, For, ForResult, Grouping, Key, Name, Node, Operator, Reference, Spread, Step,
    StepNode, Unary,
};
use crate::lang::mask::{masked, plainly_quoted};
use crate::lang::value::{Shape, Type, Value};

/// The parser recurses; this is several times what its limit of 64 levels needs in an unoptimised build.
const PARSER_STACK: usize = 8 * 1024 * 1024;

/// Each number with a large exponent takes another run of the parser, and so do others that are masked.
const MOST_RUNS: usize = 64;

/// A piece of a file that was parsed on its own.
#[derive(Clone, Copy)]
pub struct Piece<'t> {
    /// The file.
    pub file: FileId,
    /// Where the piece starts in it.
    pub offset: usize,
    /// The piece.
    pub text: &'t str,
    /// The one place of everything in it, where the file does not hold the text as it is parsed.
    pub stand_in: Option<Span>,
}

/// Turns the parser's tree of one piece into ours, and gathers what the parser should have refused.
pub struct Lowering<'t> {
    pub(super) piece: Piece<'t>,
    /// What was found.
    pub found: Diagnostics,
}

/// Reads a text that is one expression.
///
/// # Errors
/// When it is not.
pub fn expression(file: FileId, text: &str) -> Result<Expr, Diagnostics> {
    let start = text.len() - text.trim_start().len();
    let piece = Piece {
        file,
        offset: start,
        text: text.trim(),
        stand_in: None,
    };
    on_deep_stack(|| expression_of(piece)).unwrap_or_else(|| Err(piece.unreadable().into()))
}

/// Reads a piece that is one expression; on a stack that is deep enough.
///
/// # Errors
/// When it is not.
pub fn expression_of(piece: Piece<'_>) -> Result<Expr, Diagnostics> {
    let parsed = piece.parse::<hcl::Expression>();
    let parsed = parsed.map_err(|found| Diagnostics::from(*found))?;
    let mut lowering = Lowering::new(piece);
    let expr = lowering.expr(&parsed);
    lowering.found.or(expr).map(|(expr, _)| expr)
}

/// Reads a text that is one template, as a file of its own.
///
/// # Errors
/// When it is not.
pub fn template(file: FileId, text: &str) -> Result<Expr, Diagnostics> {
    let piece = Piece {
        file,
        offset: 0,
        text,
        stand_in: None,
    };
    on_deep_stack(|| template_of(piece)).unwrap_or_else(|| Err(piece.unreadable().into()))
}

/// Reads a piece that is one template; on a stack that is deep enough.
///
/// # Errors
/// When it is not.
pub fn template_of(piece: Piece<'_>) -> Result<Expr, Diagnostics> {
    let parsed = piece.parse::<hcl_edit::template::Template>();
    let parsed = parsed.map_err(|found| Diagnostics::from(*found))?;
    let mut lowering = Lowering::new(piece);
    let expr = Expr {
        span: piece.whole(),
        node: lowering.bare(&parsed),
    };
    lowering.found.or(expr).map(|(expr, _)| expr)
}

/// Runs `work` where the parser has room; nothing when it could not be run to its end.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(PARSER_STACK)
            .spawn_scoped(scope, work)
            .ok()?
            .join()
            .ok()
    })
}

impl Piece<'_> {
    /// The place of a range of this piece in its file.
    pub fn span(&self, range: Range<usize>) -> Span {
        let as_it_stands = || Span::new(self.file, range.start + self.offset..range.end + self.offset);
        self.stand_in.unwrap_or_else(as_it_stands)
    }

    /// The whole piece.
    pub fn whole(&self) -> Span {
        self.span(0..self.text.len())
    }

    /// What to say when the parser itself fails.
    pub fn unreadable(&self) -> Diagnostic {
        Diagnostic::error(code::SYNTAX, "invalid syntax").at(self.whole(), "this cannot be parsed")
    }

    /// Parses the piece.
    ///
    /// # Errors
    /// The first thing that does not follow the grammar.
    pub fn parse<T: FromStr<Err = hcl_edit::parser::Error>>(&self) -> Result<T, Box<Diagnostic>> {
        let mut text = Cow::Borrowed(self.text);
        for run in 0..MOST_RUNS {
            let error = match text.parse::<T>() {
                Ok(parsed) => return Ok(parsed),
                Err(error) => error,
            };
            match masked(&text, &error, run) {
                Some(masked) => text = Cow::Owned(masked),
                None => return Err(self.syntax_error(&error).into()),
            }
        }
        let text = "too many numbers with large exponents, or keys that are given twice, stand in this";
        Err(
            Diagnostic::error(code::TOO_LARGE, "too much of what takes long to read")
                .at(self.whole(), text)
                .into(),
        )
    }
}

/// The text in the normal form that all texts of the language have.
pub fn normalized(text: &str) -> Arc<str> {
    if is_nfc(text) {
        text.into()
    } else {
        text.nfc().collect::<String>().into()
    }
}

impl<'t> Lowering<'t> {
    /// For one piece.
    pub fn new(piece: Piece<'t>) -> Self {
        Self {
            piece,
            found: Diagnostics::new(),
        }
    }

    /// The place of a node; the whole piece where the parser kept none.
    pub fn span(&self, range: Option<Range<usize>>) -> Span {
        range.map_or_else(|| self.piece.whole(), |range| self.piece.span(range))
    }

    /// A name of the parser as ours.
    pub fn name(&self, name: &hcl_edit::Decorated<hcl_edit::Ident>) -> Name {
        Spanned {
            value: name.as_str().into(),
            span: self.span(name.span()),
        }
    }

    /// The text of a range.
    pub(super) fn source(&self, range: Option<Range<usize>>) -> &'t str {
        range.and_then(|range| self.piece.text.get(range)).unwrap_or_default()
    }

    /// Notes a problem.
    pub(super) fn refuse(&mut self, span: Span, text: impl Into<String>) {
        self.found
            .push(Diagnostic::error(code::SYNTAX, "invalid syntax").at(span, text));
    }

    /// An expression of the parser as ours.
    pub fn expr(&mut self, parsed: &hcl::Expression) -> Expr {
        let span = self.span(parsed.span());
        let node = match parsed {
            hcl::Expression::Null(_) => Node::Literal(Value::null()),
            hcl::Expression::Bool(value) => Node::Literal(Value::bool(**value)),
            hcl::Expression::Number(number) => self.number(span, number.span()),
            hcl::Expression::String(text) => Node::Literal(Value::text(normalized(text.as_str()))),
            hcl::Expression::Array(array) => Node::Tuple(array.iter().map(|element| self.expr(element)).collect()),
            hcl::Expression::Object(object) => self.object(object),
            hcl::Expression::StringTemplate(template) => self.quoted(template),
            hcl::Expression::HeredocTemplate(heredoc) => self.heredoc(heredoc),
            hcl::Expression::Parenthesis(inner) => Node::Parenthesis(Box::new(self.expr(inner.inner()))),
            hcl::Expression::Variable(name) => Node::Reference(Reference {
                root: Spanned {
                    value: name.as_str().into(),
                    span,
                },
                steps: Vec::new(),
            }),
            hcl::Expression::Conditional(choice) => Node::Conditional(Box::new(Conditional {
                condition: self.expr(&choice.cond_expr),
                then: self.expr(&choice.true_expr),
                otherwise: self.expr(&choice.false_expr),
            })),
            hcl::Expression::FuncCall(call) => self.call(call),
            hcl::Expression::Traversal(traversal) => self.traversal(traversal),
            hcl::Expression::UnaryOp(operation) => {
                let operator = match operation.operator.value() {
                    hcl::UnaryOperator::Neg => Unary::Negate,
                    hcl::UnaryOperator::Not => Unary::Not,
                };
                Node::Unary(operator, Box::new(self.expr(&operation.expr)))
            }
            hcl::Expression::BinaryOp(operation) => Node::Binary(Box::new(Binary {
                operator: operator(*operation.operator.value()),
                left: self.expr(&operation.lhs_expr),
                right: self.expr(&operation.rhs_expr),
            })),
            hcl::Expression::ForExpr(each) => self.for_expr(each),
        };
        Expr { span, node }
    }

    fn number(&mut self, span: Span, range: Option<Range<usize>>) -> Node {
        let written = self.source(range);
        // Between a minus and its digits there may be spaces and comments.
        let digits = written
            .rsplit(|c: char| c.is_whitespace() || c == '/')
            .next()
            .unwrap_or(written);
        let negative = written.starts_with('-');
        match digits.trim_start_matches('-').parse::<crate::lang::Number>() {
            Ok(number) => {
                let number = if negative { number.negated() } else { number };
                Node::Literal(Value::new(Shape::Number(number)))
            }
            Err(error) => {
                self.refuse(span, error.to_string());
                Node::Literal(Value::unknown(Type::Number))
            }
        }
    }

    fn object(&mut self, object: &hcl::Object) -> Node {
        let mut items = Vec::with_capacity(object.len());
        for (key, value) in object {
            let key = self.key(key);
            items.push((key, self.expr(value.expr())));
        }
        Node::Object(items)
    }

    fn key(&mut self, key: &hcl::ObjectKey) -> Key {
        let span = self.span(key.span());
        let named = |text: &str| {
            Key::Name(Spanned {
                value: normalized(text),
                span,
            })
        };
        match key {
            hcl::ObjectKey::Ident(name) => {
                let written = self.source(key.span()).trim();
                named(if written.is_empty() { name.as_str() } else { written })
            }
            hcl::ObjectKey::Expression(hcl::Expression::String(text)) => {
                named(plainly_quoted(self.source(key.span()).trim()).unwrap_or(text.as_str()))
            }
            hcl::ObjectKey::Expression(hcl::Expression::Null(_)) => named("null"),
            hcl::ObjectKey::Expression(hcl::Expression::Bool(value)) => named(if **value { "true" } else { "false" }),
            hcl::ObjectKey::Expression(key) => {
                if matches!(key, hcl::Expression::Traversal(_)) {
                    let written = self.source(key.span());
                    self.found.push(
                        Diagnostic::error(code::OBJECT_KEY, "ambiguous object key")
                            .at(span, "this could be a name or a reference")
                            .hint(format!(
                                "write `({written})` for what it refers to, or `\"{written}\"` for the text"
                            )),
                    );
                }
                Key::Computed(self.expr(key))
            }
        }
    }

    fn call(&mut self, call: &hcl::FuncCall) -> Node {
        let mut name = String::new();
        for part in &call.name.namespace {
            name.push_str(part.as_str());
            name.push_str("::");
        }
        name.push_str(call.name.name.as_str());
        let first = call.name.namespace.first().unwrap_or(&call.name.name);
        let range = match (first.span(), call.name.name.span()) {
            (Some(first), Some(last)) => Some(first.start..last.end),
            (first, _) => first,
        };
        Node::Call(Call {
            name: Spanned {
                value: name.into(),
                span: self.span(range.or_else(|| call.span())),
            },
            arguments: call.args.iter().map(|argument| self.expr(argument)).collect(),
            spread: if call.args.expand_final() {
                Spread::Last
            } else {
                Spread::None
            },
        })
    }

    fn traversal(&mut self, traversal: &hcl::Traversal) -> Node {
        let steps = self.steps(&traversal.operators);
        match &traversal.expr {
            hcl::Expression::Variable(root) => Node::Reference(Reference {
                root: Spanned {
                    value: root.as_str().into(),
                    span: self.span(traversal.expr.span()),
                },
                steps,
            }),
            other => Node::Access(Box::new(self.expr(other)), steps),
        }
    }

    fn steps(&mut self, operators: &[hcl_edit::Decorated<hcl::TraversalOperator>]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::with_capacity(operators.len());
        let mut rest = operators;
        while let Some((operator, after)) = rest.split_first() {
            rest = after;
            let span = self.span(operator.span());
            let node = match operator.value() {
                hcl::TraversalOperator::GetAttr(name) => StepNode::Attribute(normalized(name.as_str())),
                hcl::TraversalOperator::Index(index) => StepNode::Index(self.expr(index)),
                hcl::TraversalOperator::LegacyIndex(position) => {
                    if steps
                        .last()
                        .is_some_and(|step| matches!(step.node, StepNode::Position(_)))
                    {
                        self.refuse(span, "a second number cannot follow; write `[…]` instead");
                    }
                    StepNode::Position(**position)
                }
                // A full splat takes all that follows from each element, one with a dot only attributes.
                hcl::TraversalOperator::FullSplat(_) => StepNode::Splat(self.steps(std::mem::take(&mut rest))),
                hcl::TraversalOperator::AttrSplat(_) => {
                    let end = rest.iter().position(|operator| !attribute_like(operator.value()));
                    let (inner, after) = rest.split_at(end.unwrap_or(rest.len()));
                    if let Some(nested) = after.first()
                        && matches!(nested.value(), hcl::TraversalOperator::AttrSplat(_))
                    {
                        let span = self.span(nested.span());
                        self.refuse(span, "a `.*` cannot follow another; write `[*]` instead");
                    }
                    rest = after;
                    StepNode::Splat(self.steps(inner))
                }
            };
            steps.push(Step { span, node });
        }
        steps
    }

    fn for_expr(&mut self, each: &hcl::ForExpr) -> Node {
        let value = self.expr(&each.value_expr);
        let result = match &each.key_expr {
            None => ForResult::Tuple(value),
            Some(key) => ForResult::Object {
                key: self.expr(key),
                value,
                grouping: if each.grouping {
                    Grouping::Gathered
                } else {
                    Grouping::Single
                },
            },
        };
        Node::For(Box::new(For {
            key: each.intro.key_var.as_ref().map(|name| self.name(name)),
            value: self.name(&each.intro.value_var),
            collection: self.expr(&each.intro.collection_expr),
            result,
            condition: each.cond.as_ref().map(|condition| self.expr(&condition.expr)),
        }))
    }
}

fn attribute_like(operator: &hcl::TraversalOperator) -> bool {
    match operator {
        hcl::TraversalOperator::GetAttr(_) | hcl::TraversalOperator::LegacyIndex(_) => true,
        hcl::TraversalOperator::AttrSplat(_)
        | hcl::TraversalOperator::FullSplat(_)
        | hcl::TraversalOperator::Index(_) => false,
    }
}

fn operator(operator: hcl::BinaryOperator) -> Operator {
    match operator {
        hcl::BinaryOperator::Eq => Operator::Equal,
        hcl::BinaryOperator::NotEq => Operator::Unequal,
        hcl::BinaryOperator::LessEq => Operator::LessOrEqual,
        hcl::BinaryOperator::GreaterEq => Operator::GreaterOrEqual,
        hcl::BinaryOperator::Less => Operator::Less,
        hcl::BinaryOperator::Greater => Operator::Greater,
        hcl::BinaryOperator::Plus => Operator::Add,
        hcl::BinaryOperator::Minus => Operator::Subtract,
        hcl::BinaryOperator::Mul => Operator::Multiply,
        hcl::BinaryOperator::Div => Operator::Divide,
        hcl::BinaryOperator::Mod => Operator::Remainder,
        hcl::BinaryOperator::And => Operator::And,
        hcl::BinaryOperator::Or => Operator::Or,
    }
}
