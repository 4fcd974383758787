//! Rewrites what has a shorter or clearer spelling: `"${x}"` alone, labels without quotes, old spellings of types. It minds no
//! blanks.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::token::{Kind, Token};

type Tokens<'t> = Peekable<IntoIter<Token<'t>>>;

/// The tokens of a file, respelled.
pub(super) fn respelled(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut respelled = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    // The kinds of the blocks that are open.
    let mut blocks: Vec<String> = Vec::new();
    while let Some(token) = rest.next() {
        let kind = token.kind;
        let name = token.text.clone().into_owned();
        respelled.push(token);
        if kind == Kind::CloseBrace {
            blocks.pop();
        } else if kind == Kind::Ident && rest.peek().is_some_and(|next| next.kind == Kind::Equal) {
            respelled.extend(rest.next());
            let role = match blocks.as_slice() {
                [block] if block == "variable" && name == "type" => Role::Type,
                _ => Role::Value,
            };
            value(&mut rest, &mut respelled, role);
        } else if kind == Kind::Ident && header(&mut rest, &mut respelled) {
            blocks.push(name);
        }
    }
    respelled
}

/// Passes the labels of a block and its brace; whether there was one.
fn header<'t>(rest: &mut Tokens<'t>, respelled: &mut Vec<Token<'t>>) -> bool {
    while let Some(token) = rest.next_if(|token| token.kind != Kind::Newline) {
        let is_brace = token.kind == Kind::OpenBrace;
        if token.kind == Kind::Ident {
            let label = Token {
                kind: Kind::Literal,
                ..token
            };
            let quote = |kind| Token::new(kind, "\"");
            respelled.extend([quote(Kind::OpenQuote), label, quote(Kind::CloseQuote)]);
        } else {
            respelled.push(token);
        }
        if is_brace {
            return true;
        }
    }
    false
}

/// What an attribute holds.
#[derive(Clone, Copy)]
enum Role {
    Value,
    Type,
}

/// Passes the value of an attribute.
fn value<'t>(rest: &mut Tokens<'t>, respelled: &mut Vec<Token<'t>>, role: Role) {
    let mut expression = Vec::new();
    let mut open = 0;
    // The parser goes on past the end of a line after a dot.
    let mut is_after_dot = false;
    while let Some(token) = rest.next_if(|token| match token.kind {
        Kind::Newline if is_after_dot => true,
        Kind::CloseBrace => open > 0,
        _ => open > 0 || !token.ends_line(),
    }) {
        open += token.kind.opens();
        is_after_dot = token.kind == Kind::Dot || is_after_dot && token.kind == Kind::Newline;
        expression.push(token);
    }
    let is_code = |token: &Token<'_>| token.kind != Kind::Comment;
    let start = expression.iter().position(is_code).unwrap_or(expression.len());
    let end = expression.iter().rposition(is_code).map_or(start, |last| last + 1);
    let after = expression.split_off(end.max(start));
    let inner = expression.split_off(start);
    respelled.append(&mut expression);
    respelled.extend(match role {
        Role::Value => unwrapped(inner),
        Role::Type => type_of(inner),
    });
    respelled.extend(after);
}

/// `"${x}"` and nothing else is `x`.
fn unwrapped(mut tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    while is_wrapped(&tokens) {
        tokens.truncate(tokens.len().saturating_sub(2));
        tokens.drain(..2);
        let is_newline = |token: &Token<'_>| token.kind == Kind::Newline;
        let blank = tokens.iter().take_while(|token| is_newline(token)).count();
        tokens.drain(..blank);
        while tokens.last().is_some_and(is_newline) {
            tokens.pop();
        }
        let of = |token: Option<&Token<'_>>, kind| token.is_some_and(|token| token.kind == kind);
        let in_parentheses = of(tokens.first(), Kind::OpenParenthesis) && of(tokens.last(), Kind::CloseParenthesis);
        if tokens.iter().any(is_newline) && !in_parentheses {
            tokens.insert(0, Token::new(Kind::OpenParenthesis, "("));
            tokens.push(Token::new(Kind::CloseParenthesis, ")"));
        }
    }
    tokens
}

fn is_wrapped(tokens: &[Token<'_>]) -> bool {
    let [quote, opener, inside @ .., closer, end] = tokens else {
        return false;
    };
    let kinds = [quote.kind, opener.kind, closer.kind, end.kind];
    if inside.is_empty()
        || kinds
            != [
                Kind::OpenQuote,
                Kind::Interpolation,
                Kind::SequenceEnd,
                Kind::CloseQuote,
            ]
    {
        return false;
    }
    // What stands in quotes inside belongs to a nested expression.
    let mut quotes = 0;
    inside.iter().all(|token| {
        quotes += isize::from(token.kind == Kind::OpenQuote) - isize::from(token.kind == Kind::CloseQuote);
        quotes > 0 || !matches!(token.kind, Kind::Interpolation | Kind::SequenceEnd | Kind::Literal)
    })
}

/// A type without its element, or in quotes, as before Terraform 0.12.
fn type_of(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let element = match tokens.as_slice() {
        [name] if name.kind == Kind::Ident && ["list", "map", "set"].contains(&&*name.text) => "any",
        [open, name, _] if open.kind == Kind::OpenQuote && ["list", "map"].contains(&&*name.text) => "string",
        [open, name, _] if open.kind == Kind::OpenQuote && name.text == "string" => "",
        _ => return tokens,
    };
    let name = tokens
        .into_iter()
        .find(|token| matches!(token.kind, Kind::Ident | Kind::Literal));
    let mut spelled: Vec<Token<'_>> = name
        .into_iter()
        .map(|name| Token {
            kind: Kind::Ident,
            ..name
        })
        .collect();
    if !element.is_empty() {
        spelled.extend([
            Token::new(Kind::OpenParenthesis, "("),
            Token::new(Kind::Ident, element),
            Token::new(Kind::CloseParenthesis, ")"),
        ]);
    }
    spelled
}
