//! The layout of a file as `terraform fmt` has it. A pure function of the text: only blanks change, but for the few spellings of
//! `body`; heredocs, comments, blank lines and line endings stay.
//!
//! The tokens of the text itself are laid out, because the parser's tree cannot write everything back as it stood.

mod body;
mod token;

use unicode_segmentation::UnicodeSegmentation as _;

use token::{Kind, Token};

/// The text, laid out. Of a text that is no configuration, too, something comes of the same tokens.
pub fn formatted(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (tokens, blanks) = token::tokens(text);
    let mut lines = lines(body::respelled(tokens));
    indent(&mut lines);
    for line in &mut lines {
        space(&mut line.lead);
        space(&mut line.assign);
    }
    align(&mut lines, |line| line.assign.first_mut(), |line| columns(&line.lead));
    align(
        &mut lines,
        |line| line.comment.as_mut(),
        |line| columns(&line.lead) + columns(&line.assign),
    );
    let mut formatted = String::with_capacity(text.len());
    for token in lines.iter().flat_map(Line::tokens) {
        formatted.extend(std::iter::repeat_n(' ', token.before));
        formatted.push_str(&token.text);
    }
    formatted.extend(std::iter::repeat_n(' ', blanks));
    formatted
}

/// A part of a text that may tell more than its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// A word of the language, or a name.
    Word(&'t str),
    /// Text in quotes or in a heredoc.
    Literal {
        /// As written.
        text: &'t str,
        /// The name before the last `=` or `:`.
        argument: Option<&'t str>,
    },
}

/// The text with its words and literals told otherwise, and without its comments. Of a text that is no configuration, too,
/// something comes of the same tokens.
pub fn retold(text: &str, mut tell: impl FnMut(Piece<'_>) -> String) -> String {
    let (tokens, _) = token::tokens(text);
    let mut told = String::with_capacity(text.len());
    let (mut last, mut argument): (Option<&str>, Option<&str>) = (None, None);
    for token in &tokens {
        told.extend(std::iter::repeat_n(' ', token.before));
        match token.kind {
            Kind::Comment if token.text.ends_with('\n') => told.push('\n'),
            Kind::Comment => {}
            Kind::Ident => {
                told.push_str(&tell(Piece::Word(&token.text)));
                last = Some(&token.text);
            }
            Kind::Literal => {
                let text = token.text.as_ref();
                told.push_str(&tell(Piece::Literal { text, argument }));
                last = Some(&token.text);
            }
            Kind::Equal | Kind::Colon => {
                told.push_str(&token.text);
                argument = last;
            }
            // Bytes that begin nothing may be what is left of a text whose quotes are missing.
            Kind::Other => told.push('?'),
            _ => told.push_str(&token.text),
        }
    }
    told
}

/// Whether more lines have to follow before a text can be an expression: a bracket or a heredoc is open.
pub fn is_open(text: &str) -> bool {
    // A heredoc opens with the end of its first line.
    token::is_open(&format!("{text}\n"))
}

/// The text without the blanks, empty lines and comments around it.
pub fn without_surroundings(text: &str) -> &str {
    let (tokens, _) = token::tokens(text);
    let mut code = 0..0;
    let mut at = 0;
    for token in &tokens {
        let start = at + token.before;
        at = start + token.text.len();
        if !matches!(token.kind, Kind::Newline | Kind::Comment) {
            code = if code.is_empty() { start..at } else { code.start..at };
        }
    }
    text.get(code).unwrap_or_default()
}

/// A line, or several where a heredoc or a comment joins them, in its columns.
#[derive(Default)]
struct Line<'t> {
    /// All that is not in the others.
    lead: Vec<Token<'t>>,
    /// From the equals sign on, where what is assigned ends on the line.
    assign: Vec<Token<'t>>,
    /// What follows code.
    comment: Option<Token<'t>>,
}

impl Line<'_> {
    fn tokens(&self) -> impl Iterator<Item = &Token<'_>> {
        self.lead.iter().chain(&self.assign).chain(&self.comment)
    }
}

fn lines(tokens: Vec<Token<'_>>) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    for token in tokens {
        let ends = token.ends_line();
        line.push(token);
        if ends {
            lines.push(in_columns(std::mem::take(&mut line)));
        }
    }
    if !line.is_empty() {
        lines.push(in_columns(line));
    }
    lines
}

fn in_columns(mut lead: Vec<Token<'_>>) -> Line<'_> {
    let comment = match lead.as_slice() {
        [_, .., last] if last.kind == Kind::Comment => lead.pop(),
        _ => None,
    };
    let equal = lead.iter().skip(1).position(|token| token.kind == Kind::Equal);
    let assign = match equal.map(|at| at + 1) {
        Some(at) if lead.iter().skip(at).map(|token| token.kind.opens()).sum::<isize>() == 0 => lead.split_off(at),
        Some(_) | None => Vec::new(),
    };
    Line { lead, assign, comment }
}

/// Two blanks for every earlier line that opened more than it closed.
fn indent(lines: &mut [Line<'_>]) {
    // What each of those lines has left open.
    let mut levels: Vec<isize> = Vec::new();
    for line in lines {
        let before_heredoc = line.lead.iter().take_while(|token| token.kind != Kind::OpenHeredoc);
        let opens: isize = before_heredoc.chain(&line.assign).map(|token| token.kind.opens()).sum();
        let Some(first) = line.lead.first_mut() else { continue };
        if first.kind == Kind::Newline {
            first.before = 0;
            continue;
        }
        let mut closed = -opens;
        while closed > 0
            && let Some(level) = levels.pop()
        {
            if level > closed {
                levels.push(level - closed);
            }
            closed -= level;
        }
        first.before = 2 * levels.len();
        if opens > 0 {
            levels.push(opens);
        }
    }
}

fn space(cell: &mut [Token<'_>]) {
    let mut before = None;
    let mut blanks = Vec::with_capacity(cell.len());
    for pair in cell.windows(2) {
        if let [token, after] = pair {
            blanks.push(usize::from(is_spaced(before, token, after.kind)));
            before = Some(token.kind);
        }
    }
    for (token, blanks) in cell.iter_mut().skip(1).zip(blanks) {
        token.before = blanks;
    }
}

/// Whether a blank follows `token`, which stands between `before` and `after`. The first rule that fits counts.
fn is_spaced(before: Option<Kind>, token: &Token<'_>, after: Kind) -> bool {
    let kind = token.kind;
    let ends_operand = |kind: Kind| matches!(kind, Kind::Ident | Kind::Number) || kind.opens() < 0;
    match (kind, after) {
        // The parser wants a blank behind `for`, at the end of a line, too.
        (Kind::Ident, Kind::Newline) if token.text == "for" => {
            matches!(before, Some(Kind::OpenBracket | Kind::OpenBrace))
        }
        // A carriage return that stands alone would become a part of the line's end.
        (Kind::Other, Kind::Newline) => token.text == "\r",
        (_, Kind::Newline)
        | (Kind::Ident, Kind::OpenParenthesis | Kind::DoubleColon)
        | (Kind::DoubleColon, Kind::Ident)
        | (Kind::Dot, _)
        | (_, Kind::Dot | Kind::Comma | Kind::Ellipsis) => false,
        (Kind::Comma, _) => true,
        (Kind::Literal | Kind::OpenQuote | Kind::OpenHeredoc, _)
        | (_, Kind::Literal | Kind::CloseQuote | Kind::CloseHeredoc) => false,
        // `in [` is no index.
        (Kind::Ident, _) if token.text == "in" && before == Some(Kind::Ident) => true,
        (kind, Kind::OpenBracket) if ends_operand(kind) => false,
        (Kind::Bang, _) => false,
        (Kind::Minus, _) => before.is_some_and(precedes_subtraction),
        (Kind::OpenBrace, Kind::CloseBrace) => false,
        (Kind::OpenBrace, _) | (_, Kind::CloseBrace) => true,
        // `${ { … } }` shows that an object stands there.
        (Kind::Interpolation | Kind::Directive, Kind::OpenBrace) | (Kind::CloseBrace, Kind::SequenceEnd) => true,
        (Kind::SequenceEnd, Kind::Interpolation | Kind::Directive) => false,
        (kind, after) => kind.opens() <= 0 && after.opens() >= 0,
    }
}

/// Whether a minus after this is between operands.
fn precedes_subtraction(before: Kind) -> bool {
    !matches!(
        before,
        Kind::OpenParenthesis
            | Kind::OpenBrace
            | Kind::OpenBracket
            | Kind::Equal
            | Kind::Colon
            | Kind::Comma
            | Kind::Question
            | Kind::Operator
            | Kind::Minus
            | Kind::Bang
    )
}

/// Puts the tokens that `cell` picks in one column, in each run of lines that have one.
fn align<'t>(
    lines: &mut [Line<'t>],
    cell: impl for<'l> Fn(&'l mut Line<'t>) -> Option<&'l mut Token<'t>>,
    width: impl Fn(&Line<'t>) -> usize,
) {
    let mut rest = lines;
    while !rest.is_empty() {
        let run = rest.iter_mut().map(&cell).take_while(Option::is_some).count();
        // A line that has none is passed alone.
        let (run, after) = rest.split_at_mut(run.max(1));
        let widest = run.iter().map(&width).max().unwrap_or_default();
        for line in run {
            let blanks = widest - width(line) + 1;
            if let Some(token) = cell(line) {
                token.before = blanks;
            }
        }
        rest = after;
    }
}

/// How wide tokens are, their blanks included.
fn columns(tokens: &[Token<'_>]) -> usize {
    tokens
        .iter()
        .map(|token| token.before + token.text.graphemes(true).count())
        .sum()
}

#[cfg(test)]
mod tests;
