//! Templates and heredocs from their source text: escapes, strip markers, indentation. It never evaluates.
//!
//! Strip markers and dedenting work on tokens as in Terraform: in a heredoc each line is a token of its own, so `~}`
//! eats the rest of its line and not the indentation of the next.

use hcl_edit::Span as _;
use hcl_edit::template as hcl;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::diagnostic::Span;
use crate::lang::expr::{Node, Piece};
use crate::lang::syntax::{Lowering, normalized};
use crate::lang::value::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Quoted,
    Heredoc,
}

/// What a template is made of before it is put together.
enum Token {
    Text(String),
    /// A `${…}` or `%{…}`, with its strip markers.
    Sequence {
        left: bool,
        right: bool,
    },
}

impl Lowering<'_> {
    pub(super) fn quoted(&mut self, template: &hcl::StringTemplate) -> Node {
        let pieces = self.assemble(template, Form::Quoted, |_| {});
        single(pieces)
    }

    /// A template that is a text of its own; lines count as in a heredoc.
    pub(super) fn bare(&mut self, template: &hcl::Template) -> Node {
        let pieces = self.assemble(template, Form::Heredoc, |_| {});
        single(pieces)
    }

    pub(super) fn heredoc(&mut self, heredoc: &hcl::HeredocTemplate) -> Node {
        let indented = self.source(heredoc.span()).starts_with("<<-");
        let pieces = self.assemble(&heredoc.template, Form::Heredoc, |tokens| {
            if indented {
                dedent(tokens);
            }
        });
        match pieces.as_slice() {
            [] => Node::Literal(Value::text("")),
            [Piece::Text(text)] => Node::Literal(Value::text(text.clone())),
            _ => Node::Template(pieces),
        }
    }

    fn assemble(&mut self, template: &hcl::Template, form: Form, adjust: impl FnOnce(&mut [Token])) -> Vec<Piece> {
        let mut tokens = Vec::new();
        self.flatten(template, form, &mut tokens);
        strip(&mut tokens);
        adjust(&mut tokens);
        let mut rest = tokens.into_iter().peekable();
        self.rebuild(template, &mut rest)
    }

    fn flatten(&mut self, template: &hcl::Template, form: Form, tokens: &mut Vec<Token>) {
        let sequence = |strip: hcl::Strip| Token::Sequence {
            left: strip.strip_start(),
            right: strip.strip_end(),
        };
        for element in template {
            match element {
                hcl::Element::Literal(literal) => self.literal(literal, form, tokens),
                hcl::Element::Interpolation(inner) => tokens.push(sequence(inner.strip)),
                hcl::Element::Directive(directive) => match directive.as_ref() {
                    hcl::Directive::If(choice) => {
                        tokens.push(sequence(choice.if_expr.strip));
                        self.flatten(&choice.if_expr.template, form, tokens);
                        if let Some(otherwise) = &choice.else_expr {
                            tokens.push(sequence(otherwise.strip));
                            self.flatten(&otherwise.template, form, tokens);
                        }
                        tokens.push(sequence(choice.endif_expr.strip));
                    }
                    hcl::Directive::For(each) => {
                        tokens.push(sequence(each.for_expr.strip));
                        self.flatten(&each.for_expr.template, form, tokens);
                        tokens.push(sequence(each.endfor_expr.strip));
                    }
                },
            }
        }
    }

    fn literal(&mut self, literal: &hcl_edit::Spanned<String>, form: Form, tokens: &mut Vec<Token>) {
        let raw = self.source(literal.span());
        let span = self.span(literal.span());
        match form {
            Form::Heredoc => tokens.extend(raw.split_inclusive('\n').map(|line| Token::Text(unmarked(line)))),
            Form::Quoted => {
                let text = unescaped(raw).unwrap_or_else(|(at, problem)| {
                    let start = span.start + u32::try_from(at).unwrap_or(0);
                    self.refuse(Span { start, ..span }, problem);
                    String::new()
                });
                tokens.push(Token::Text(text));
            }
        }
    }

    /// Puts the pieces together again, taking the adjusted texts in the order in which `flatten` gave them.
    fn rebuild(&mut self, template: &hcl::Template, rest: &mut Tokens) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for element in template {
            match element {
                hcl::Element::Literal(_) => take_text(rest, &mut pieces),
                hcl::Element::Interpolation(inner) => {
                    rest.next();
                    pieces.push(Piece::Interpolation(self.expr(&inner.expr)));
                }
                hcl::Element::Directive(directive) => match directive.as_ref() {
                    hcl::Directive::If(choice) => {
                        rest.next();
                        let then = self.rebuild(&choice.if_expr.template, rest);
                        let otherwise = choice.else_expr.as_ref().map(|otherwise| {
                            rest.next();
                            self.rebuild(&otherwise.template, rest)
                        });
                        rest.next();
                        pieces.push(Piece::If {
                            condition: self.expr(&choice.if_expr.cond_expr),
                            then,
                            otherwise: otherwise.unwrap_or_default(),
                            span: self.span(choice.span()),
                        });
                    }
                    hcl::Directive::For(each) => {
                        rest.next();
                        let body = self.rebuild(&each.for_expr.template, rest);
                        rest.next();
                        pieces.push(Piece::For {
                            key: each.for_expr.key_var.as_ref().map(|name| self.name(name)),
                            value: self.name(&each.for_expr.value_var),
                            collection: self.expr(&each.for_expr.collection_expr),
                            body,
                            span: self.span(each.span()),
                        });
                    }
                },
            }
        }
        pieces
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

fn single(mut pieces: Vec<Piece>) -> Node {
    match pieces.as_slice() {
        [] => Node::Literal(Value::text("")),
        [Piece::Text(text)] => Node::Literal(Value::text(text.clone())),
        [Piece::Interpolation(_)] => match pieces.pop() {
            Some(Piece::Interpolation(inner)) => Node::Wrapped(Box::new(inner)),
            _ => Node::Template(pieces),
        },
        _ => Node::Template(pieces),
    }
}

fn take_text(rest: &mut Tokens, pieces: &mut Vec<Piece>) {
    let mut text = String::new();
    while let Some(Token::Text(line)) = rest.next_if(|token| matches!(token, Token::Text(_))) {
        text.push_str(&line);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(normalized(&text)));
    }
}

/// Lets the strip markers eat the white space of the token beside them.
fn strip(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let (before, from) = tokens.split_at_mut(at);
        let Some((Token::Sequence { left, right }, after)) = from.split_first_mut() else {
            continue;
        };
        if let (true, Some(Token::Text(text))) = (*left, before.last_mut()) {
            text.truncate(text.trim_end().len());
        }
        if let (true, Some(Token::Text(text))) = (*right, after.first_mut()) {
            *text = text.trim_start().to_owned();
        }
    }
}

/// Takes the smallest indentation of all lines away from each, as `<<-` asks.
fn dedent(tokens: &mut [Token]) {
    let mut starts = Vec::new();
    let mut smallest = usize::MAX;
    let mut at_line_start = true;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Text(text) => {
                let indent = text.len() - text.trim_start().len();
                let blank = indent == text.len() && text.ends_with('\n');
                if at_line_start && !blank {
                    let spaces = text.get(..indent).unwrap_or_default().graphemes(true).count();
                    smallest = smallest.min(spaces);
                    starts.push(at);
                }
                at_line_start = text.ends_with('\n');
            }
            Token::Sequence { .. } => {
                if at_line_start {
                    smallest = 0;
                }
                at_line_start = false;
            }
        }
    }
    for at in starts {
        if let Some(Token::Text(text)) = tokens.get_mut(at) {
            let rest = text
                .grapheme_indices(true)
                .nth(smallest)
                .map_or(text.len(), |(at, _)| at);
            *text = text.get(rest..).unwrap_or_default().to_owned();
        }
    }
}

/// `$${` and `%%{` stand for themselves without the first sign.
fn unmarked(raw: &str) -> String {
    raw.replace("$${", "${").replace("%%{", "%{")
}

/// The text that a quoted literal stands for, or where it is wrong and why.
fn unescaped(raw: &str) -> Result<String, (usize, &'static str)> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => {
                return Err((
                    at,
                    "a text in quotes ends on the line where it starts; use `\\n` or a heredoc",
                ));
            }
            '"' => return Err((at, "a quote inside a text is written `\\\"`")),
            '\\' => {
                let digits = match chars.next().map(|(_, escape)| escape) {
                    Some('n') => Ok('\n'),
                    Some('r') => Ok('\r'),
                    Some('t') => Ok('\t'),
                    Some('"') => Ok('"'),
                    Some('\\') => Ok('\\'),
                    Some('u') => Err(4),
                    Some('U') => Err(8),
                    Some(_) | None => {
                        return Err((
                            at,
                            "only \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN are escapes",
                        ));
                    }
                };
                let c = match digits {
                    Ok(c) => Some(c),
                    Err(count) => {
                        let hex: String = chars.by_ref().take(count).map(|(_, digit)| digit).collect();
                        (hex.len() == count)
                            .then(|| u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32))
                            .flatten()
                    }
                };
                text.push(c.ok_or((at, "this is no Unicode character"))?);
            }
            '$' | '%'
                if raw
                    .get(at + 1..)
                    .is_some_and(|rest| rest.strip_prefix(c).is_some_and(|rest| rest.starts_with('{'))) =>
            {
                text.push(c);
                text.extend(chars.by_ref().skip(1).take(1).map(|(_, brace)| brace));
            }
            c => text.push(c),
        }
    }
    Ok(text)
}
