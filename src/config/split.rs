//! Cuts a file into its top-level items, so that a syntax error in one hides none in the next. It does not parse them.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Span};
use crate::lang::code;

/// The parser's time grows with the square of the entries in one pair of braces.
const MOST_ENTRIES: usize = 5_000;

/// Who has more unclosed brackets than this in one file is helped best by seeing the first ones.
const MOST_PROBLEMS: usize = 50;

/// What is open at some point of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    Brace,
    Bracket,
    Parenthesis,
    Quote,
    Heredoc,
    /// `${` or `%{` in a text.
    Sequence,
    Comment,
}

struct Open {
    opener: Opener,
    at: usize,
    /// `=` and `:` seen directly inside.
    entries: usize,
}

struct Scanner<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
    open: Vec<Open>,
    /// The delimiters of the heredocs in `open`.
    heredocs: Vec<&'t str>,
    /// Heredocs whose closing word was met inside of a sequence, by their places, and the place of that sequence.
    swallowed: Vec<(usize, usize)>,
}

/// The top level of a text.
pub(super) struct Items {
    /// The ranges of its items.
    pub(super) items: Vec<Range<usize>>,
    /// The ranges that hold no items, for the reasons in `found`.
    pub(super) passed_over: Vec<Range<usize>>,
    /// What keeps those from being items.
    pub(super) found: Diagnostics,
}

/// The items of a text, and what keeps the rest of it from being some.
pub(super) fn items(file: FileId, text: &str) -> Items {
    let mut found = Diagnostics::new();
    let (mut items, mut passed_over) = (Vec::new(), Vec::new());
    let mut start = 0;
    loop {
        let mut scanner = Scanner {
            file,
            text,
            at: start,
            open: Vec::new(),
            heredocs: Vec::new(),
            swallowed: Vec::new(),
        };
        if let Err(problem) = scanner.skip_space() {
            found.push(*problem);
            passed_over.push(scanner.at..text.len());
            break;
        }
        start = scanner.at;
        if start >= text.len() {
            break;
        }
        match scanner.item() {
            Ok(()) => {
                items.push(start..scanner.at);
                start = scanner.at;
            }
            Err(problem) => {
                found.push(*problem);
                // Each problem may have looked at the whole rest of the text.
                if found.len() >= MOST_PROBLEMS {
                    passed_over.push(start..text.len());
                    break;
                }
                let next = next_header(text, start);
                passed_over.push(start..next);
                start = next;
            }
        }
    }
    Items {
        items,
        passed_over,
        found,
    }
}

/// Where the next line starts that looks like the header of a top-level block.
fn next_header(text: &str, after: usize) -> usize {
    let mut start = after;
    for line in text.get(after..).unwrap_or_default().split_inclusive('\n') {
        if start > after && looks_like_header(line) {
            return start;
        }
        start += line.len();
    }
    text.len()
}

fn looks_like_header(line: &str) -> bool {
    let word = line
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(line.len());
    let rest = line.get(word..).unwrap_or_default().trim_start();
    line.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && (rest.starts_with('{') || rest.starts_with('"') && line.contains('{'))
}

type Step = Result<(), Box<Diagnostic>>;

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    /// Passes white space and comments between items.
    fn skip_space(&mut self) -> Step {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.comment()? {
                return Ok(());
            }
        }
    }

    /// Passes a comment, if one starts here. A line comment leaves its line ending.
    fn comment(&mut self) -> Result<bool, Box<Diagnostic>> {
        let rest = self.rest();
        if rest.starts_with('#') || rest.starts_with("//") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(true);
        }
        if rest.starts_with("/*") {
            let end = rest
                .find("*/")
                .ok_or_else(|| self.unclosed(Opener::Comment, self.at, None))?;
            self.at += end + 2;
            return Ok(true);
        }
        Ok(false)
    }

    /// Passes everything up to the line ending that closes the item.
    fn item(&mut self) -> Step {
        loop {
            let inside = self.open.last().map(|open| open.opener);
            let Some(c) = self.rest().chars().next() else {
                return match self.open.last() {
                    None => Ok(()),
                    Some(open) => Err(self.unclosed(open.opener, open.at, None)),
                };
            };
            match inside {
                Some(Opener::Quote) => self.in_quote(c)?,
                Some(Opener::Heredoc) => self.in_heredoc(c),
                None if c == '\n' => {
                    self.at += 1;
                    return Ok(());
                }
                None
                | Some(Opener::Brace | Opener::Bracket | Opener::Parenthesis | Opener::Sequence | Opener::Comment) => {
                    self.in_code(c)?
                }
            }
        }
    }

    fn in_code(&mut self, c: char) -> Step {
        if self.comment()? {
            return Ok(());
        }
        match c {
            '{' => self.push(Opener::Brace, 1),
            '[' => self.push(Opener::Bracket, 1),
            '(' => self.push(Opener::Parenthesis, 1),
            '"' => self.push(Opener::Quote, 1),
            '}' | ']' | ')' => return self.close(c),
            '<' if self.heredoc() => {}
            '=' | ':' => self.count_entry(c)?,
            '\n' => {
                self.at += 1;
                self.note_closing_word();
            }
            c => self.at += c.len_utf8(),
        }
        Ok(())
    }

    fn in_quote(&mut self, c: char) -> Step {
        let rest = self.rest();
        match c {
            '"' => {
                self.open.pop();
                self.at += 1;
            }
            '\\' => self.at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '\n' => {
                // A quote inside of `${ }` that does not end is most often the one that was to end the text around it.
                let mut inner = self.open.iter().rev();
                let at = inner.next().map_or(self.at, |open| open.at);
                return Err(match inner.next() {
                    Some(around) if around.opener == Opener::Sequence => {
                        self.unclosed(Opener::Sequence, around.at, None)
                    }
                    _ => self.unclosed(Opener::Quote, at, None),
                });
            }
            c => self.text_part(c),
        }
        Ok(())
    }

    fn in_heredoc(&mut self, c: char) {
        let at_line_start = self.text.get(..self.at).is_some_and(|before| before.ends_with('\n'));
        let word = self.rest().trim_start_matches([' ', '\t']);
        if at_line_start && self.is_at_closing_word() {
            let delimiter = self.heredocs.pop().unwrap_or_default();
            self.at += self.rest().len() - word.len() + delimiter.len();
            self.open.pop();
        } else {
            self.text_part(c);
        }
    }

    /// Whether the line that starts here is the closing word of the innermost heredoc.
    fn is_at_closing_word(&self) -> bool {
        let line = self.rest().split('\n').next().unwrap_or_default();
        // As in Terraform the word stands alone on its line; with more on the line it is text.
        self.heredocs.last().is_some_and(|delimiter| {
            let word = line.trim_start_matches([' ', '\t']).strip_prefix(delimiter);
            word.is_some_and(|rest| rest.trim().is_empty())
        })
    }

    /// Remembers a closing word that a sequence of its heredoc took for code: where the heredoc is not closed after all, the sequence
    /// is what was to end before it.
    fn note_closing_word(&mut self) {
        if !self.is_at_closing_word() {
            return;
        }
        let Some(heredoc) = self.open.iter().rposition(|open| open.opener == Opener::Heredoc) else {
            return;
        };
        let mut inside = self.open.iter().skip(heredoc);
        let (Some(heredoc), Some(sequence)) = (inside.next(), inside.next()) else {
            return;
        };
        let noted = (heredoc.at, sequence.at);
        if !self.swallowed.iter().any(|(at, _)| *at == heredoc.at) {
            self.swallowed.push(noted);
        }
    }

    /// Passes a character of a text, or opens a sequence in it.
    fn text_part(&mut self, c: char) {
        let rest = self.rest();
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            self.at += 3;
        } else if rest.starts_with("${") || rest.starts_with("%{") {
            self.push(Opener::Sequence, 2);
        } else {
            self.at += c.len_utf8();
        }
    }

    fn push(&mut self, opener: Opener, width: usize) {
        self.open.push(Open {
            opener,
            at: self.at,
            entries: 0,
        });
        self.at += width;
    }

    /// Opens a heredoc, if one starts here.
    fn heredoc(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix("<<") else {
            return false;
        };
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
        let delimiter = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let line = rest.get(delimiter.len()..).unwrap_or_default();
        let starts_line = line.starts_with('\n') || line.starts_with("\r\n");
        if delimiter.is_empty() || !starts_line {
            return false;
        }
        self.heredocs.push(delimiter);
        let width = self.rest().len() - line.len() + line.find('\n').map_or(0, |at| at + 1);
        self.push(Opener::Heredoc, width);
        true
    }

    fn close(&mut self, closer: char) -> Step {
        // What closes nothing that is open is itself at fault, not what is open around it.
        let closes = self.open.iter().any(|open| closer_of(open.opener) == closer);
        let around = self.open.last().map(|open| (open.opener, open.at));
        match self.open.pop().filter(|_| closes) {
            Some(open) if closer_of(open.opener) == closer => {
                self.at += 1;
                Ok(())
            }
            Some(open) => Err(self.unclosed(open.opener, open.at, Some(self.at..self.at + 1))),
            None => {
                let text = format!("no `{}` before this is open", opening(closer));
                let stray = Diagnostic::error(code::STRAY_CLOSER, "closed but never opened")
                    .at(self.span(self.at..self.at + 1), text);
                Err(Box::new(match around {
                    Some((Opener::Bracket | Opener::Parenthesis, at)) => {
                        stray.and_at(self.span(at..at + 1), "this is what is open here")
                    }
                    _ => stray,
                }))
            }
        }
    }

    fn count_entry(&mut self, c: char) -> Step {
        let rest = self.rest();
        let operator = ["==", "=>", "::"]
            .into_iter()
            .find(|operator| rest.starts_with(operator));
        if let Some(operator) = operator {
            self.at += operator.len();
            return Ok(());
        }
        self.at += 1;
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.entries += usize::from(c == '=' || open.opener == Opener::Brace);
        if open.opener != Opener::Brace || open.entries <= MOST_ENTRIES {
            return Ok(());
        }
        let span = Span::new(self.file, open.at..open.at + 1);
        Err(Box::new(
            Diagnostic::error(code::TOO_LARGE, "too many entries")
                .at(span, format!("more than {MOST_ENTRIES} entries stand in these braces"))
                .hint("keep bulk values in a YAML, JSON or CSV file and read it with a function"),
        ))
    }

    fn unclosed(&self, opener: Opener, at: usize, met: Option<Range<usize>>) -> Box<Diagnostic> {
        let swallowed = self
            .swallowed
            .iter()
            .find(|(heredoc, _)| opener == Opener::Heredoc && *heredoc == at);
        let (opener, at) = swallowed.map_or((opener, at), |(_, sequence)| (Opener::Sequence, *sequence));
        let (width, text) = match opener {
            Opener::Brace => (1, "this `{` is never closed"),
            Opener::Bracket => (1, "this `[` is never closed"),
            Opener::Parenthesis => (1, "this `(` is never closed"),
            Opener::Quote => (1, "this text does not end on its line"),
            Opener::Heredoc => (2, "the closing word of this heredoc is missing"),
            Opener::Sequence if self.text.get(at..).is_some_and(|rest| rest.starts_with('%')) => {
                (2, "this `%{` is never closed")
            }
            Opener::Sequence => (2, "this `${` is never closed"),
            Opener::Comment => (2, "this comment is never closed"),
        };
        let diagnostic =
            Diagnostic::error(code::UNCLOSED, "opened but never closed").at(self.span(at..at + width), text);
        Box::new(match (opener, met) {
            (_, Some(met)) => diagnostic.and_at(self.span(met), "this closes something else"),
            (Opener::Quote, None) => {
                diagnostic.hint("close it with `\"`; a line break inside a text is written `\\n`, or use a heredoc")
            }
            (Opener::Sequence, None) => {
                diagnostic.hint("close it with `}`; a literal `${` is written `$${`, and `%{` is `%%{`")
            }
            (Opener::Heredoc, None) => diagnostic.hint("the closing word stands alone on its line"),
            (_, None) => diagnostic,
        })
    }
}

fn closer_of(opener: Opener) -> char {
    match opener {
        Opener::Brace | Opener::Sequence => '}',
        Opener::Bracket => ']',
        Opener::Parenthesis => ')',
        Opener::Quote => '"',
        // These end by words, not by a bracket.
        Opener::Heredoc | Opener::Comment => '\0',
    }
}

fn opening(closer: char) -> char {
    match closer {
        ']' => '[',
        ')' => '(',
        _ => '{',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<&str>, Vec<String>) {
        let Items { items, found, .. } = items(FileId(0), text);
        let found = found.iter().map(|found| {
            let mark = found.primary.as_ref().unwrap();
            format!("{} {}", mark.span.start, mark.text)
        });
        (
            items.into_iter().map(|range| text[range].trim_end()).collect(),
            found.collect(),
        )
    }

    #[test]
    fn items_end_where_their_brackets_do() {
        let (items, found) = split(
            "# {\na {\n  x = \"}${ {b = \"}\"}.b }\"\n}\n/* { */\nb \"l\" { y = [\n1 // ]\n] }\nc = <<E\n} ${ \"E\" }\nEE\n  E\n\n",
        );
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(items.len(), 3, "{items:?}");
        assert!(items[2].ends_with("  E"));
    }

    #[test]
    fn what_is_unclosed_is_told_at_its_opener_and_hides_nothing() {
        let (items, found) = split("a {\n  x = [1\n}\nb {\n  y = \"open\n}\nc {\n  z = 1\n}\nd {\n");
        assert_eq!(items, ["c {\n  z = 1\n}"]);
        assert_eq!(
            found,
            [
                "10 this `[` is never closed",
                "25 this text does not end on its line",
                "49 this `{` is never closed"
            ]
        );
    }

    #[test]
    fn endless_objects_are_refused_before_parsing() {
        let text = format!("a {{\n x = {{{}}}\n}}\n", "k = 1,".repeat(80_000));
        let (_, found) = split(&text);
        assert_eq!(found, ["9 more than 5000 entries stand in these braces"]);
    }

    #[test]
    fn a_hundred_thousand_brackets_are_no_stack_overflow() {
        for bracket in ["(", "[", "{", "${", "\"${"] {
            let (_, found) = split(&format!("x = \"{}", bracket.repeat(100_000)));
            assert_eq!(found.len(), 1);
        }
    }
}
