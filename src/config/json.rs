//! Configurations written as JSON, by Terraform's rules: strings are templates, nested blocks are objects or arrays of objects,
//! labels are keys, `//` is a comment. It evaluates nothing.

use std::ops::Range;
use std::sync::Arc;

use crate::block::Syntax;
use crate::config::parse::{RawAttribute, RawBlock, RawBody};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span, Spanned};
use crate::kind;
use crate::lang::code;
use crate::lang::expr::{Expr, Key, Node as ExprNode};
use crate::lang::json::{Located, Member, Node, tree};
use crate::lang::syntax::{Piece, expression_of, template_of};
use crate::lang::value::Value;

/// The name of members that are comments.
const COMMENT: &str = "//";

/// A nested block that a body may hold.
struct Inner {
    name: &'static str,
    labels: usize,
}

/// The blocks of a JSON file.
///
/// # Errors
/// All that is wrong with the text.
pub(super) fn blocks(file: FileId, text: &str) -> Result<Vec<RawBlock>, Diagnostics> {
    let mut reader = Reader::new(file, text);
    let mut blocks = Vec::new();
    for members in reader.top(text)? {
        for member in members {
            let labels = match &*member.name {
                COMMENT => continue,
                "locals" | "pgferry" | "azure" | "preflight" | "moved" | "removed" | "import" => 0,
                _ => 1,
            };
            reader.labelled(&member, labels, &mut blocks);
        }
    }
    reader.found.or(blocks).map(|(blocks, _)| blocks)
}

/// The values of a JSON file of variables.
///
/// # Errors
/// All that is wrong with the text.
pub(super) fn values(file: FileId, text: &str) -> Result<Vec<RawAttribute>, Diagnostics> {
    let mut reader = Reader::new(file, text);
    let mut attributes = Vec::new();
    let members = reader.top(text)?.into_iter().flatten();
    for member in members.filter(|member| &*member.name != COMMENT) {
        let expr = reader.literal(&member.value);
        reader.attribute(&member, expr, &mut attributes);
    }
    reader.found.or(attributes).map(|(attributes, _)| attributes)
}

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    found: Diagnostics,
}

impl<'t> Reader<'t> {
    fn new(file: FileId, text: &'t str) -> Self {
        Self {
            file,
            text,
            found: Diagnostics::new(),
        }
    }

    fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.file, range.clone())
    }

    fn wrong(&mut self, range: &Range<usize>, text: &str) {
        let span = self.span(range);
        self.found
            .push(Diagnostic::error(code::SYNTAX, "invalid syntax").at(span, text));
    }

    /// The objects that the whole file holds: one, or an array of them.
    fn top(&mut self, text: &str) -> Result<Vec<Vec<Member>>, Diagnostics> {
        let whole = tree(text).map_err(|error| {
            let at = error.at.min(text.len());
            let next = text
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8);
            let span = Span::new(self.file, at..at + next);
            Diagnostic::error(code::SYNTAX, "invalid syntax").at(span, error.problem)
        })?;
        Ok(self.objects(&whole, "an object is required, whose names are kinds of blocks"))
    }

    /// An object, or every object of an array.
    fn objects(&mut self, value: &Located, wanted: &str) -> Vec<Vec<Member>> {
        match &value.node {
            Node::Object(members) => vec![members.clone()],
            Node::Array(elements) => elements
                .iter()
                .flat_map(|element| match &element.node {
                    Node::Object(members) => vec![members.clone()],
                    Node::Array(_) | Node::Plain(_) | Node::Text(_) => {
                        self.wrong(&element.range, wanted);
                        Vec::new()
                    }
                })
                .collect(),
            Node::Plain(null) if null.is_null() => Vec::new(),
            Node::Plain(_) | Node::Text(_) => {
                self.wrong(&value.range, wanted);
                Vec::new()
            }
        }
    }

    fn name(&self, member: &Member) -> Spanned<Arc<str>> {
        Spanned {
            value: Arc::clone(&member.name),
            span: self.span(&member.range),
        }
    }

    /// The blocks of a member: below it as many levels of names as the block has labels, then bodies.
    fn labelled(&mut self, member: &Member, labels: usize, blocks: &mut Vec<RawBlock>) {
        let kind = self.name(member);
        if labels == 0 {
            self.bodies(&kind, &[], &member.value, blocks);
            return;
        }
        let wanted = "an object is required, whose names are the labels of the blocks";
        for inner in self.objects(&member.value, wanted).into_iter().flatten() {
            if &*inner.name != COMMENT {
                let label = self.name(&inner);
                self.bodies(&kind, &[label], &inner.value, blocks);
            }
        }
    }

    fn bodies(
        &mut self,
        kind: &Spanned<Arc<str>>,
        labels: &[Spanned<Arc<str>>],
        value: &Located,
        blocks: &mut Vec<RawBlock>,
    ) {
        let span = self.span(&value.range);
        for members in self.objects(value, "an object is required, which is the content of the block") {
            let body = self.body(&kind.value, &members, span);
            blocks.push(RawBlock {
                kind: kind.clone(),
                labels: labels.to_vec(),
                header: labels.last().map_or(kind.span, |label| label.span),
                body,
            });
        }
    }

    fn body(&mut self, kind: &str, members: &[Member], span: Span) -> RawBody {
        let inner = inner_blocks(kind);
        let mut body = RawBody {
            span,
            attributes: Vec::new(),
            blocks: Vec::new(),
        };
        for member in members.iter().filter(|member| &*member.name != COMMENT) {
            match inner.iter().find(|inner| *inner.name == *member.name) {
                Some(inner) => self.labelled(member, inner.labels, &mut body.blocks),
                None => {
                    let expr = self.argument(kind, &member.name, &member.value);
                    self.attribute(member, expr, &mut body.attributes);
                }
            }
        }
        body
    }

    fn attribute(&mut self, member: &Member, expr: Expr, attributes: &mut Vec<RawAttribute>) {
        let name = self.name(member);
        match attributes.iter().find(|known| known.name.value == name.value) {
            Some(known) => self.found.push(
                Diagnostic::error(code::DUPLICATE_ATTRIBUTE, "duplicate attribute")
                    .at(name.span, "this attribute was given before in the same block")
                    .and_at(known.name.span, "first given here"),
            ),
            None => attributes.push(RawAttribute {
                name,
                expr,
                syntax: Syntax::Json,
            }),
        }
    }

    /// The value of an argument; a few are not templates but references or types.
    fn argument(&mut self, kind: &str, name: &str, value: &Located) -> Expr {
        match (kind, name) {
            ("variable", "type") | (_, "depends_on" | "ignore_changes") => self.code(value),
            ("moved", "from" | "to") | ("removed", "from") | ("import", "to") | ("dynamic", "iterator") => {
                self.code(value)
            }
            ("variable", "default" | "description") | ("module", "source") => self.literal(value),
            (_, _) => self.template(value),
        }
    }

    /// A string that is an expression itself, or an array of such.
    fn code(&mut self, value: &Located) -> Expr {
        match &value.node {
            Node::Text(text) => self.parsed(value, text, expression_of),
            Node::Array(elements) => Expr {
                span: self.span(&value.range),
                node: ExprNode::Tuple(elements.iter().map(|element| self.code(element)).collect()),
            },
            Node::Plain(_) | Node::Object(_) => self.literal(value),
        }
    }

    /// A value in which every string is a template, keys too.
    fn template(&mut self, value: &Located) -> Expr {
        let span = self.span(&value.range);
        let node = match &value.node {
            Node::Plain(value) => ExprNode::Literal(value.clone()),
            Node::Text(text) => return self.text(value, text),
            Node::Array(elements) => ExprNode::Tuple(elements.iter().map(|element| self.template(element)).collect()),
            Node::Object(members) => {
                let item = |member: &Member| {
                    let name = Located {
                        range: member.range.clone(),
                        node: Node::Text(Arc::clone(&member.name)),
                    };
                    (
                        Key::Computed(self.text(&name, &member.name)),
                        self.template(&member.value),
                    )
                };
                ExprNode::Object(members.iter().map(item).collect())
            }
        };
        Expr { span, node }
    }

    fn text(&mut self, value: &Located, text: &str) -> Expr {
        if text.contains("${") || text.contains("%{") {
            return self.parsed(value, text, template_of);
        }
        Expr {
            span: self.span(&value.range),
            node: ExprNode::Literal(Value::text(text)),
        }
    }

    /// A value as it stands.
    fn literal(&mut self, value: &Located) -> Expr {
        let span = self.span(&value.range);
        let node = match &value.node {
            Node::Plain(value) => ExprNode::Literal(value.clone()),
            Node::Text(text) => ExprNode::Literal(Value::text(Arc::clone(text))),
            Node::Array(elements) => ExprNode::Tuple(elements.iter().map(|element| self.literal(element)).collect()),
            Node::Object(members) => {
                let item = |member: &Member| (Key::Name(self.name(member)), self.literal(&member.value));
                ExprNode::Object(members.iter().map(item).collect())
            }
        };
        Expr { span, node }
    }

    /// What a string holds, with its places in the file where no escape stands between them.
    fn parsed(&mut self, value: &Located, text: &str, read: fn(Piece<'_>) -> Result<Expr, Diagnostics>) -> Expr {
        let span = self.span(&value.range);
        let inside = value.range.start + 1..value.range.end.saturating_sub(1);
        let stands_so = self.text.get(inside.clone()) == Some(text);
        let piece = Piece {
            file: self.file,
            offset: inside.start,
            text,
            stand_in: (!stands_so).then_some(span),
        };
        self.found.absorb(read(piece)).unwrap_or_else(|| Expr {
            span,
            node: ExprNode::Literal(Value::null()),
        })
    }
}

/// The nested blocks of a block; everything else in it is an attribute.
fn inner_blocks(kind: &str) -> Vec<Inner> {
    let plain = |names: &[&'static str]| -> Vec<Inner> {
        let inner = |name: &&'static str| Inner { name, labels: 0 };
        names.iter().map(inner).collect()
    };
    match kind {
        "variable" => plain(&["validation"]),
        "output" => plain(&["precondition"]),
        "check" => plain(&["assert", "data"]),
        "removed" => plain(&["lifecycle"]),
        "lifecycle" => plain(&["precondition", "postcondition"]),
        "dynamic" => plain(&["content"]),
        "pgferry" => vec![
            Inner {
                name: "state",
                labels: 1,
            },
            Inner {
                name: "encryption",
                labels: 0,
            },
        ],
        kind => match kind::find(kind) {
            None => Vec::new(),
            Some(kind) => {
                let mut inner = plain(&["lifecycle", "timeouts"]);
                inner.push(Inner {
                    name: "dynamic",
                    labels: 1,
                });
                inner.extend(kind.schema().sections.iter().map(|section| Inner {
                    name: section.name,
                    labels: 0,
                }));
                inner
            }
        },
    }
}
