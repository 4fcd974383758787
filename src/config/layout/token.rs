//! A text as tokens, every character of it in one of them but the blanks between. It accepts any text: what follows no grammar
//! becomes tokens too, so that whoever puts them together again has the text.

use std::borrow::Cow;

/// A piece of text and how many blanks stand before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// What it is.
    pub(super) kind: Kind,
    /// As written.
    pub(super) text: Cow<'t, str>,
    /// Blanks before it.
    pub(super) before: usize,
}

/// What a token is, as far as the layout minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ident,
    Number,
    /// Text in quotes or in a heredoc.
    Literal,
    OpenQuote,
    CloseQuote,
    /// `<<WORD` with its line ending.
    OpenHeredoc,
    /// The whole line of the closing word, without its line ending.
    CloseHeredoc,
    /// `${` or `${~`
    Interpolation,
    /// `%{` or `%{~`
    Directive,
    /// What closes either.
    SequenceEnd,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParenthesis,
    CloseParenthesis,
    Equal,
    Comma,
    Dot,
    Colon,
    DoubleColon,
    Question,
    Ellipsis,
    Bang,
    Minus,
    /// An operator between two operands, other than minus.
    Operator,
    /// `=>`
    Arrow,
    Newline,
    /// A line comment holds its line ending.
    Comment,
    /// A character that begins nothing.
    Other,
}

impl Kind {
    /// By how much a token of this kind changes what is open.
    pub(super) fn opens(self) -> isize {
        match self {
            Self::OpenBrace | Self::OpenBracket | Self::OpenParenthesis | Self::Interpolation | Self::Directive => 1,
            Self::CloseBrace | Self::CloseBracket | Self::CloseParenthesis | Self::SequenceEnd => -1,
            Self::Ident
            | Self::Number
            | Self::Literal
            | Self::OpenQuote
            | Self::CloseQuote
            | Self::OpenHeredoc
            | Self::CloseHeredoc
            | Self::Equal
            | Self::Comma
            | Self::Dot
            | Self::Colon
            | Self::DoubleColon
            | Self::Question
            | Self::Ellipsis
            | Self::Bang
            | Self::Minus
            | Self::Operator
            | Self::Arrow
            | Self::Newline
            | Self::Comment
            | Self::Other => 0,
        }
    }
}

impl Token<'_> {
    /// A token that stands nowhere in the text.
    pub(super) fn new(kind: Kind, text: &'static str) -> Self {
        Self {
            kind,
            text: Cow::Borrowed(text),
            before: 0,
        }
    }

    /// Whether a line ends with it.
    pub(super) fn ends_line(&self) -> bool {
        self.kind == Kind::Newline || self.kind == Kind::Comment && self.text.ends_with('\n')
    }
}

/// The tokens of a text, and how many blanks follow the last.
pub(super) fn tokens(text: &str) -> (Vec<Token<'_>>, usize) {
    let mut scanner = Scanner::new(text);
    scanner.run();
    (scanner.tokens, scanner.blanks)
}

/// Whether a text needs more lines: a bracket or a heredoc is open at its end. A text in quotes ends on its line.
pub(super) fn is_open(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.run();
    match scanner.open.last() {
        Some(Open::Quote) => false,
        Some(Open::Heredoc { .. }) => true,
        Some(Open::Sequence { .. }) | None => scanner.tokens.iter().map(|token| token.kind.opens()).sum::<isize>() > 0,
    }
}

/// What is open at some point of the text, other than brackets.
enum Open<'t> {
    Quote,
    Heredoc {
        word: &'t str,
        /// Whether a line starts here.
        fresh: bool,
    },
    /// `${` or `%{` in a text.
    Sequence {
        /// The braces open inside.
        braces: usize,
    },
}

struct Scanner<'t> {
    rest: &'t str,
    open: Vec<Open<'t>>,
    tokens: Vec<Token<'t>>,
    blanks: usize,
}

const SYMBOLS: &[(&str, Kind)] = &[
    ("...", Kind::Ellipsis),
    ("::", Kind::DoubleColon),
    ("==", Kind::Operator),
    ("!=", Kind::Operator),
    ("<=", Kind::Operator),
    (">=", Kind::Operator),
    ("&&", Kind::Operator),
    ("||", Kind::Operator),
    ("=>", Kind::Arrow),
    ("[", Kind::OpenBracket),
    ("]", Kind::CloseBracket),
    ("(", Kind::OpenParenthesis),
    (")", Kind::CloseParenthesis),
    ("=", Kind::Equal),
    (",", Kind::Comma),
    (".", Kind::Dot),
    (":", Kind::Colon),
    ("?", Kind::Question),
    ("!", Kind::Bang),
    ("-", Kind::Minus),
    ("+", Kind::Operator),
    ("*", Kind::Operator),
    ("/", Kind::Operator),
    ("%", Kind::Operator),
    ("<", Kind::Operator),
    (">", Kind::Operator),
];

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            open: Vec::new(),
            tokens: Vec::new(),
            blanks: 0,
        }
    }

    fn run(&mut self) {
        while !self.rest.is_empty() {
            match self.open.last() {
                None | Some(Open::Sequence { .. }) => self.code(),
                Some(Open::Quote) => self.quote(),
                Some(Open::Heredoc { .. }) => self.heredoc(),
            }
        }
    }

    /// Takes a token of that many bytes.
    fn take(&mut self, kind: Kind, length: usize) {
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.tokens.push(Token {
            kind,
            text: Cow::Borrowed(text),
            before: std::mem::take(&mut self.blanks),
        });
    }

    fn code(&mut self) {
        let Some(first) = self.rest.chars().next() else { return };
        match first {
            ' ' | '\t' => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                self.blanks += 1;
            }
            '\n' => self.take(Kind::Newline, 1),
            '\r' if self.rest.starts_with("\r\n") => self.take(Kind::Newline, 2),
            '#' => self.line_comment(),
            '/' if self.rest.starts_with("//") => self.line_comment(),
            '/' if self.rest.starts_with("/*") => {
                let end = self.rest.get(2..).and_then(|rest| rest.find("*/"));
                self.take(Kind::Comment, end.map_or(self.rest.len(), |end| end + 4));
            }
            '"' => {
                self.take(Kind::OpenQuote, 1);
                self.open.push(Open::Quote);
            }
            '{' => {
                self.take(Kind::OpenBrace, 1);
                if let Some(Open::Sequence { braces }) = self.open.last_mut() {
                    *braces += 1;
                }
            }
            '}' => self.close_brace(),
            '~' if self.rest.starts_with("~}") && matches!(self.open.last(), Some(Open::Sequence { braces: 0 })) => {
                self.take(Kind::SequenceEnd, 2);
                self.open.pop();
            }
            '<' if self.open_heredoc() => {}
            '0'..='9' => self.take(Kind::Number, number(self.rest)),
            c if begins_ident(c) => {
                let end = self.rest.find(|c| !continues_ident(c));
                self.take(Kind::Ident, end.unwrap_or(self.rest.len()));
            }
            c => {
                let symbol = SYMBOLS.iter().find(|(symbol, _)| self.rest.starts_with(symbol));
                match symbol {
                    Some((symbol, kind)) => self.take(*kind, symbol.len()),
                    None => self.take(Kind::Other, c.len_utf8()),
                }
            }
        }
    }

    fn line_comment(&mut self) {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        self.take(Kind::Comment, end);
    }

    fn close_brace(&mut self) {
        match self.open.last_mut() {
            Some(Open::Sequence { braces: 0 }) => {
                self.take(Kind::SequenceEnd, 1);
                self.open.pop();
                return;
            }
            Some(Open::Sequence { braces }) => *braces -= 1,
            Some(Open::Quote | Open::Heredoc { .. }) | None => {}
        }
        self.take(Kind::CloseBrace, 1);
    }

    fn open_heredoc(&mut self) -> bool {
        let Some(rest) = self.rest.strip_prefix("<<") else {
            return false;
        };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let end = rest.find(|c| !continues_ident(c)).unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let line_ending = match rest {
            _ if !word.starts_with(begins_ident) => return false,
            rest if rest.starts_with('\n') => 1,
            rest if rest.starts_with("\r\n") => 2,
            _ => return false,
        };
        self.take(Kind::OpenHeredoc, self.rest.len() - rest.len() + line_ending);
        self.open.push(Open::Heredoc { word, fresh: true });
        true
    }

    fn quote(&mut self) {
        let mut length = 0;
        while let Some(rest) = self.rest.get(length..)
            && let Some(c) = rest.chars().next()
        {
            match c {
                '"' => {
                    self.literal(length);
                    self.take(Kind::CloseQuote, 1);
                    self.open.pop();
                    return;
                }
                '\\' => length += 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
                c => match sequence(rest) {
                    Part::Text => length += c.len_utf8(),
                    Part::Escape => length += 3,
                    Part::Opens(kind, width) => return self.open_sequence(length, kind, width),
                },
            }
        }
        self.literal(length);
    }

    fn heredoc(&mut self) {
        let mut length = 0;
        while let Some(rest) = self.rest.get(length..)
            && let Some(c) = rest.chars().next()
        {
            if let Some(Open::Heredoc { word, fresh }) = self.open.last_mut()
                && std::mem::replace(fresh, c == '\n')
            {
                let line = rest.split_inclusive('\n').next().unwrap_or_default();
                let line = line.strip_suffix('\n').unwrap_or(line);
                let line = line.strip_suffix('\r').unwrap_or(line);
                if line.trim() == *word {
                    self.literal(length);
                    self.take(Kind::CloseHeredoc, line.len());
                    self.open.pop();
                    return;
                }
            }
            match sequence(rest) {
                Part::Text => length += c.len_utf8(),
                Part::Escape => length += 3,
                Part::Opens(kind, width) => return self.open_sequence(length, kind, width),
            }
        }
        self.literal(length);
    }

    fn literal(&mut self, length: usize) {
        if length > 0 {
            self.take(Kind::Literal, length);
        }
    }

    fn open_sequence(&mut self, length: usize, kind: Kind, width: usize) {
        self.literal(length);
        self.take(kind, width);
        self.open.push(Open::Sequence { braces: 0 });
    }
}

enum Part {
    Text,
    /// `$${` or `%%{`
    Escape,
    Opens(Kind, usize),
}

/// What the first character of a text in quotes or in a heredoc begins.
fn sequence(rest: &str) -> Part {
    let width = |opener: &str| if rest.starts_with(&format!("{opener}~")) { 3 } else { 2 };
    if rest.starts_with("$${") || rest.starts_with("%%{") {
        Part::Escape
    } else if rest.starts_with("${") {
        Part::Opens(Kind::Interpolation, width("${"))
    } else if rest.starts_with("%{") {
        Part::Opens(Kind::Directive, width("%{"))
    } else {
        Part::Text
    }
}

/// How many bytes of a text are the number that it starts with.
fn number(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut end = digits(0);
    if text.get(end..).is_some_and(|rest| rest.starts_with('.')) && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    if let Some(exponent) = text.get(end..).and_then(|rest| rest.strip_prefix(['e', 'E'])) {
        let start = end + 1 + usize::from(exponent.starts_with(['+', '-']));
        if digits(start) > start {
            end = digits(start);
        }
    }
    end
}

// In code, what is not ASCII can only belong to a name.
fn begins_ident(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn continues_ident(c: char) -> bool {
    begins_ident(c) || c.is_ascii_digit() || c == '-'
}
