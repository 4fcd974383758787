//! The blocks and arguments of a text, whatever state it is in. It never fails: what is half written is left out, and a block
//! that is never closed ends where the next one seems to begin.

use std::ops::Range;

/// What a text consists of.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// The top-level blocks in order.
    pub blocks: Vec<Block>,
}

/// A block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its first word.
    pub kind: Word,
    /// Its labels, without quotes.
    pub labels: Vec<Word>,
    /// Everything from the first word to the closing brace.
    pub whole: Range<usize>,
    /// What stands between the braces.
    pub body: Range<usize>,
    /// Its arguments in order.
    pub attributes: Vec<Attribute>,
    /// Its nested blocks in order.
    pub blocks: Vec<Block>,
}

/// An argument.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: Word,
    /// Everything from behind the `=` to the end of the value.
    pub value: Range<usize>,
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Its place, without quotes.
    pub range: Range<usize>,
}

/// Deeper blocks than the parser takes are not looked into.
const DEEPEST: usize = 64;

/// Blocks that have no label and stand for themselves.
const BARE: [&str; 4] = ["pgferry", "azure", "preflight", "locals"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Newline,
    Comment,
    Word,
    Text,
    Open,
    Close,
    Assign,
    Other,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

/// Whether a character belongs to a word.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        let start = self.at;
        let rest = self.rest();
        let first = rest.chars().next()?;
        let kind = match first {
            '\n' => {
                self.at += 1;
                Kind::Newline
            }
            '#' => self.until('\n'),
            '/' if rest.starts_with("//") => self.until('\n'),
            '/' if rest.starts_with("/*") => {
                self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
                Kind::Comment
            }
            '"' => {
                self.at = end_of_text(self.text, self.at);
                Kind::Text
            }
            '<' if self.heredoc() => Kind::Text,
            '(' | '[' | '{' => {
                self.at += 1;
                Kind::Open
            }
            ')' | ']' | '}' => {
                self.at += 1;
                Kind::Close
            }
            '=' if !rest.starts_with("==") && !rest.starts_with("=>") => {
                self.at += 1;
                Kind::Assign
            }
            '=' => {
                self.at += 2;
                Kind::Other
            }
            c if c.is_alphabetic() || c == '_' => {
                self.at += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                Kind::Word
            }
            c => {
                self.at += c.len_utf8();
                Kind::Other
            }
        };
        Some(Token {
            kind,
            range: start..self.at,
        })
    }

    fn until(&mut self, end: char) -> Kind {
        let rest = self.rest();
        self.at += rest.find(end).unwrap_or(rest.len());
        Kind::Comment
    }

    /// Passes a heredoc, if one starts here.
    fn heredoc(&mut self) -> bool {
        let rest = self.rest();
        let Some(after) = rest.strip_prefix("<<") else {
            return false;
        };
        let after = after.strip_prefix('-').unwrap_or(after);
        let Some((word, _)) = after.split_once('\n') else {
            return false;
        };
        let word = word.trim_end_matches('\r');
        if word.is_empty() || !word.chars().all(is_word) {
            return false;
        }
        let mut at = self.at;
        let mut lines = rest.split_inclusive('\n');
        at += lines.next().map_or(0, str::len);
        for line in lines {
            if line.trim() == word {
                // The line break behind the closing word ends the argument.
                self.at = at + line.trim_end().len();
                return true;
            }
            at += line.len();
        }
        self.at = self.text.len();
        true
    }
}

/// Where a quoted text that starts at `start` ends, the closing quote included; at the end of its line where it has none.
pub(super) fn end_of_text(text: &str, start: usize) -> usize {
    let mut at = start + 1;
    // `false` in a text, `true` in an expression within one.
    let mut inside = vec![false];
    while let Some(in_code) = inside.last().copied() {
        let rest = text.get(at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else { break };
        match (in_code, c) {
            (_, '\n') => break,
            (false, '\\') => {
                at += 1 + rest.chars().nth(1).filter(|c| *c != '\n').map_or(0, char::len_utf8);
                continue;
            }
            (false, '$' | '%') if rest.get(1..2) == Some("{") => {
                inside.push(true);
                at += 2;
                continue;
            }
            (false, '"') => {
                inside.pop();
            }
            (true, '"') => inside.push(false),
            (true, '{') => inside.push(true),
            (true, '}') => {
                inside.pop();
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    at
}

impl Outline {
    /// Of a text.
    pub fn of(text: &str) -> Self {
        let mut lexer = Lexer { text, at: 0 };
        let mut outline = Self::default();
        let mut open: Vec<Block> = Vec::new();
        while let Some(token) = lexer.next() {
            match token.kind {
                Kind::Close if text.get(token.range.clone()) == Some("}") => {
                    if let Some(block) = open.pop() {
                        outline.close(&mut open, block, token.range.start, token.range.end);
                    }
                }
                Kind::Word => {
                    if begins_anew(text, &token) {
                        while let Some(block) = open.pop() {
                            outline.close(&mut open, block, token.range.start, token.range.start);
                        }
                    }
                    item(text, &mut lexer, token, &mut open);
                }
                Kind::Newline | Kind::Comment | Kind::Text | Kind::Open | Kind::Close | Kind::Assign | Kind::Other => {}
            }
        }
        while let Some(block) = open.pop() {
            outline.close(&mut open, block, text.len(), text.len());
        }
        outline
    }

    fn close(&mut self, open: &mut [Block], mut block: Block, body_end: usize, end: usize) {
        block.body.end = body_end.max(block.body.start);
        block.whole.end = end.max(block.body.end);
        match open.last_mut() {
            Some(outer) => outer.blocks.push(block),
            None => self.blocks.push(block),
        }
    }

    /// The blocks around a byte, outermost first.
    pub fn around(&self, offset: usize) -> Vec<&Block> {
        let mut path = Vec::new();
        let mut blocks = &self.blocks;
        while let Some(block) = blocks
            .iter()
            .find(|block| block.body.start <= offset && offset <= block.body.end && block.body.start < block.whole.end)
        {
            path.push(block);
            blocks = &block.blocks;
        }
        path
    }
}

/// Whether a word at the beginning of a line looks like the start of a top-level block.
fn begins_anew(text: &str, token: &Token) -> bool {
    let before = text.get(..token.range.start).unwrap_or_default();
    if !(before.is_empty() || before.ends_with('\n')) {
        return false;
    }
    let word = text.get(token.range.clone()).unwrap_or_default();
    let line = text
        .get(token.range.end..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let line = line.trim_start();
    let labelled = line.starts_with('"') && line.contains('{') && word != "dynamic";
    labelled || (BARE.contains(&word) && line.starts_with('{'))
}

/// What starts with a word: an argument, a block, or something half written.
fn item(text: &str, lexer: &mut Lexer<'_>, name: Token, open: &mut Vec<Block>) {
    let kind = word(text, name.range.clone());
    let mut labels = Vec::new();
    loop {
        let before = lexer.at;
        let Some(token) = lexer.next() else { return };
        match token.kind {
            Kind::Assign if labels.is_empty() => {
                let value = value(lexer, token.range.end);
                if let Some(block) = open.last_mut() {
                    block.attributes.push(Attribute { name: kind, value });
                }
                return;
            }
            Kind::Text => {
                let inner = token.range.start + 1..token.range.end.saturating_sub(1).max(token.range.start + 1);
                labels.push(word(text, inner));
            }
            Kind::Word => labels.push(word(text, token.range)),
            Kind::Open if text.get(token.range.clone()) == Some("{") && open.len() < DEEPEST => {
                open.push(Block {
                    whole: kind.range.start..token.range.end,
                    kind,
                    labels,
                    body: token.range.end..token.range.end,
                    attributes: Vec::new(),
                    blocks: Vec::new(),
                });
                return;
            }
            Kind::Newline | Kind::Comment | Kind::Open | Kind::Close | Kind::Assign | Kind::Other => {
                // The end of the line, or something that is no header: what follows is looked at on its own.
                lexer.at = before;
                if matches!(token.kind, Kind::Open | Kind::Assign | Kind::Other) {
                    lexer.at = token.range.end;
                }
                return;
            }
        }
    }
}

/// Passes a value: up to the end of its line outside of brackets, or the brace that closes the block around it.
fn value(lexer: &mut Lexer<'_>, start: usize) -> Range<usize> {
    let mut depth = 0_usize;
    let mut end = start;
    loop {
        let before = lexer.at;
        let Some(token) = lexer.next() else {
            return start..lexer.text.len();
        };
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => {
                lexer.at = before;
                // What is typed next before the brace belongs to the value.
                return start..token.range.start;
            }
            Kind::Close => depth -= 1,
            Kind::Newline if depth == 0 => {
                lexer.at = before;
                return start..token.range.start;
            }
            Kind::Comment if depth == 0 => {
                lexer.at = before;
                return start..token.range.start;
            }
            Kind::Word if depth > 0 && begins_anew(lexer.text, &token) => {
                lexer.at = token.range.start;
                return start..end;
            }
            Kind::Newline | Kind::Comment | Kind::Word | Kind::Text | Kind::Assign | Kind::Other => {}
        }
        end = token.range.end;
    }
}

fn word(text: &str, range: Range<usize>) -> Word {
    Word {
        text: text.get(range.clone()).unwrap_or_default().to_owned(),
        range,
    }
}

impl Block {
    /// The argument of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.text == name)
    }

    /// Kind and labels, as in an address.
    pub fn header(&self) -> String {
        let labels = self.labels.iter().map(|label| format!(" \"{}\"", label.text));
        format!("{}{}", self.kind.text, labels.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        fn write(text: &str, block: &Block, out: &mut String) {
            out.push_str(&block.header());
            out.push('{');
            for attribute in &block.attributes {
                let value = text.get(attribute.value.clone()).unwrap();
                out.push_str(&format!("{}={};", attribute.name.text, value.trim()));
            }
            for nested in &block.blocks {
                write(text, nested, out);
            }
            out.push('}');
        }
        let mut out = String::new();
        for top in &Outline::of(text).blocks {
            write(text, top, &mut out);
        }
        out
    }

    #[test]
    fn blocks_and_arguments_are_found() {
        let text = "a \"l\" {\n  x = \"}${ {b = \"}\"}.b }\" # {\n  n { y = [1,\n 2] }\n  h = <<E\n }\nE\n  z = 1\n}\nazure {}\n";
        assert_eq!(
            shown(text),
            "a \"l\"{x=\"}${ {b = \"}\"}.b }\";h=<<E\n }\nE;z=1;n{y=[1,\n 2];}}azure{}"
        );
    }

    #[test]
    fn what_is_half_written_hides_nothing_behind_it() {
        assert_eq!(shown("a \"l\" {\n  x = \n  y\n  z = 1\n}\n"), "a \"l\"{x=;z=1;}");
        assert_eq!(
            shown("a \"l\" {\n  x = [1,\nb \"m\" {\n  y = 1\n}\n"),
            "a \"l\"{x=[1,;}b \"m\"{y=1;}"
        );
        assert_eq!(shown("a \"l\" {\n  x = \"open\n  y = 2\n}\n"), "a \"l\"{x=\"open;y=2;}");
        assert_eq!(shown("net\na \"b\" {\n"), "a \"b\"{}");
    }

    proptest! {
        #[test]
        fn any_text_has_an_outline_that_lies_in_it(text in "[ab=\"{}\\[\\]$\\\\<E\n#/* é]{0,60}") {
            fn check(text: &str, block: &Block) {
                assert!(text.get(block.whole.clone()).is_some() && text.get(block.body.clone()).is_some());
                for attribute in &block.attributes {
                    assert!(text.get(attribute.value.clone()).is_some());
                }
                block.blocks.iter().for_each(|nested| check(text, nested));
            }
            Outline::of(&text).blocks.iter().for_each(|block| check(&text, block));
        }
    }
}
