//! What to say about a text that the parser refused: its words in ours, and the way out of the usual slips. It parses nothing
//! itself.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::lang::code;
use crate::lang::syntax::Piece;

/// Operators that people begin a line with.
const INFIX: [&str; 12] = ["+", "-", "*", "/", "%", "&&", "||", "?", ":", "==", "!=", "<"];

impl Piece<'_> {
    /// The parser's error in our words.
    pub(super) fn syntax_error(&self, error: &hcl_edit::parser::Error) -> Diagnostic {
        // The parser counts bytes when it gives up, so its place may lie inside a character.
        let at = self.text.floor_char_boundary(error.location().offset());
        let message = error.message();
        if message.starts_with("invalid escape") || message.starts_with("invalid unicode") {
            return self.invalid_escape(at);
        }
        let expected = message.split_once("; ").map_or(message, |(_, rest)| rest);
        let span = self.span(at..self.word_end(at));
        if expected.contains("redefined attribute") {
            return self.defined_twice(at);
        }
        if expected.contains("redefined object key") {
            return Diagnostic::error(code::DUPLICATE_ATTRIBUTE, "duplicate object key")
                .at(span, "this key was given before in the same object");
        }
        if expected.contains("64 nested levels") {
            return Diagnostic::error(code::TOO_LARGE, "nested too deeply")
                .at(span, "brackets and blocks may be nested 64 levels deep")
                .hint("move inner parts into `locals`");
        }
        if expected.contains("128 chained") {
            return Diagnostic::error(code::TOO_LARGE, "too many operators")
                .at(span, "at most 128 operators may follow each other in one expression")
                .hint("move parts into `locals`, or use `sum`, `join` or `alltrue` on a list");
        }
        let expected = expected.strip_suffix(" or eof").unwrap_or(expected);
        if let Some((range, text)) = self.directive_at_fault(expected, at) {
            return Diagnostic::error(code::SYNTAX, "invalid syntax").at(self.span(range), text);
        }
        let text = match expected.strip_prefix("expected ") {
            Some(_) if message.starts_with("invalid expression") => "expected an expression".to_owned(),
            Some(expected) => format!("expected {}", self.in_our_words(expected, at)),
            None if at >= self.text.trim_end().len() => "the text ends too early".to_owned(),
            None => "not expected here".to_owned(),
        };
        let diagnostic = Diagnostic::error(code::SYNTAX, "invalid syntax").at(span, text);
        match self.way_out(message, expected, at) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }

    /// What the parser would have taken, without its jargon.
    fn in_our_words(&self, expected: &str, at: usize) -> String {
        let before = self.before(at);
        let rest = self.text.get(at..).unwrap_or_default();
        // The parser does not say that an element could have followed.
        let element_before = !before.ends_with(['[', '(', ',']) && !before.ends_with("...");
        let may_follow = element_before && !rest.starts_with("=>") && !rest.starts_with("...");
        match expected {
            "`]`" if may_follow => "`,` or `]`".to_owned(),
            "`)` or expression" if may_follow => "`,` or `)`".to_owned(),
            "`)` or expression" if before.ends_with("...") => "`)`".to_owned(),
            "newline" => "a line break: the value ends before this".to_owned(),
            other => other
                .replace("newline", "a line break")
                .replace("identifier", "a name")
                .replace("or expression", "or an expression")
                .replace("heredoc end delimiter", "the closing word of the heredoc"),
        }
    }

    /// The text before a place, without the white space at its end.
    fn before(&self, at: usize) -> &str {
        self.text.get(..at).unwrap_or_default().trim_end()
    }

    /// What whoever wrote this most likely meant.
    fn way_out(&self, message: &str, expected: &str, at: usize) -> Option<String> {
        let rest = self.text.get(at..).unwrap_or_default();
        let before = self.before(at);
        let first = rest.chars().next()?;
        let odd_space = |c: char| c.is_whitespace() && !c.is_ascii() || c == '\u{feff}' || c == '\u{200b}';
        if odd_space(first) {
            let code_point = u32::from(first);
            return Some(format!(
                "this character looks like a space but is U+{code_point:04X}: replace it by a space"
            ));
        }
        if first == '\r' && !rest.starts_with("\r\n")
            || before.trim_end_matches(' ').contains('\r') && !self.text.contains('\n')
        {
            return Some("the lines end with a carriage return alone: save the file with line feeds".to_owned());
        }
        let is = |word: &str| {
            rest.strip_prefix(word)
                .is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        };
        let line = self
            .text
            .get(..at)
            .unwrap_or_default()
            .rsplit('\n')
            .next()
            .unwrap_or_default();
        let block_expected = expected.contains("`{`") && !message.starts_with("invalid expression");
        let hint = match first {
            '\'' | '‘' | '’' | '“' | '”' | '„' | '`' => "a text stands in double quotes: \"…\"",
            '"' if before.ends_with("<<") || before.ends_with("<<-") => "the word stands without quotes: `<<EOT`",
            _ if before.ends_with("<<") || before.ends_with("<<-") => {
                "a heredoc begins with the word that ends it: `<<EOT`"
            }
            '"' if expected == "expected `{`" => {
                "a label is a plain name, known before anything is evaluated; `for_each` makes several resources of one block"
            }
            '\n' | '\r' if block_expected && expected.contains("`=`") => {
                "the `{` of a block stands on the same line as its name; an attribute is written `name = value`"
            }
            '\n' | '\r' if block_expected => {
                "the `{` of a block stands on the same line as its labels; an attribute is written `name = value`"
            }
            ',' if before.ends_with("...") => "`...` stands after the last argument",
            ':' if message.starts_with("invalid structure") => "an attribute is written `name = value`",
            '$' => "`${…}` belongs inside of quotes; here write the reference alone, such as `var.name`",
            '.' if rest
                .get(1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) =>
            {
                "a number starts with a digit: `0.5`"
            }
            '.' if expected == "expected `]`" && rest.starts_with("...") => {
                "`...` gathers the values of one key, which needs braces: `{ for … : KEY => VALUE... }`"
            }
            '=' if expected == "expected `]`" && rest.starts_with("=>") => {
                "in brackets `for` makes a list; for keys and values write braces: `{ for … : KEY => VALUE }`"
            }
            _ if expected == "expected `=>`" => {
                "in braces `for` makes keys and values: `{ for … : KEY => VALUE }`; brackets make a list"
            }
            _ if expected == "expected `:`" && before.contains('?') => {
                "a conditional has two results: `CONDITION ? THIS : OTHERWISE`"
            }
            '"' | '{' if expected == "expected `=`" && before.contains('{') => {
                "a block inside of another stands on lines of its own"
            }
            _ if message.starts_with("invalid block body") && line.contains('{') => {
                "a block on one line holds one attribute; for more, give each a line of its own"
            }
            _ if message.starts_with("invalid block body") && INFIX.iter().any(|infix| rest.starts_with(infix)) => {
                "an expression ends with its line; in parentheses it may go on in the next one"
            }
            ',' if expected == "expected newline" => "attributes are separated by line breaks, without commas",
            ';' if expected == "expected newline" => "attributes are separated by line breaks, without semicolons",
            '=' if expected == "expected newline" => "to compare, write `==`",
            '(' if expected == "expected newline" => "functions are called by their name alone: `upper(local.name)`",
            'x' | 'X' | '_' | 'b' | 'o' if before.ends_with(|c: char| c.is_ascii_digit()) => {
                "numbers are written in decimal digits alone, such as `1000`"
            }
            _ if is("and") => "both conditions: `A && B`",
            _ if is("or") => "one condition or the other: `A || B`",
            _ if before.ends_with(" not") => "the contrary of a condition: `!A`",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The `%{` that makes a text something the parser does not take for one. It then blames the attribute around it.
    fn directive_at_fault(&self, expected: &str, at: usize) -> Option<(Range<usize>, String)> {
        if !matches!(
            expected,
            "expected `}`, newline or identifier" | "expected newline or identifier" | "expected heredoc end delimiter"
        ) {
            return None;
        }
        let text = self.text.get(at..)?;
        let mut open: Vec<(Range<usize>, &str)> = Vec::new();
        let mut from = 0;
        while let Some(found) = text.get(from..)?.find("%{") {
            let start = from + found;
            from = start + 2;
            if text.get(..start)?.ends_with('%') {
                continue;
            }
            let inside = text.get(from..)?.trim_start_matches('~').trim_start();
            let word: &str = inside.split(|c: char| !c.is_alphanumeric()).next()?;
            let range = at + start..at + start + 2;
            let expects = |word: &str, opener: &str| format!("`%{{ {word} }}` without `%{{ {opener} … }}` before it");
            match (word, open.last().map(|(_, word)| *word)) {
                ("if" | "for", _) => open.push((range, word)),
                ("else", Some("if")) => {}
                ("endif", Some("if")) | ("endfor", Some("for")) => {
                    open.pop();
                }
                ("else" | "endif", _) => return Some((range, expects(word, "if"))),
                ("endfor", _) => return Some((range, expects(word, "for"))),
                _ => {
                    let text = "directives are `%{ if … }`, `%{ else }`, `%{ endif }`, `%{ for … }` and `%{ endfor }`; `%%{` is the \
                                text itself";
                    return Some((range, text.to_owned()));
                }
            }
        }
        let (range, word) = open.pop()?;
        Some((range, format!("this `%{{ {word} … }}` has no `%{{ end{word} }}`")))
    }

    fn invalid_escape(&self, at: usize) -> Diagnostic {
        let before = self.text.get(..at).unwrap_or_default();
        let start = before.rfind('\\').unwrap_or(at);
        Diagnostic::error(code::SYNTAX, "invalid syntax")
            .at(self.span(start..at.max(start + 1)), "there is no such escape")
            .hint("the escapes are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN; a backslash itself is written \\\\")
    }

    /// The end of the word that starts there; the place itself at the end of a line.
    fn word_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        if rest.starts_with(['\n', '\r']) {
            return at;
        }
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        at + word.max(first)
    }

    fn defined_twice(&self, at: usize) -> Diagnostic {
        let end = self.word_end(at);
        let name = self.text.get(at..end).unwrap_or_default();
        let diagnostic = Diagnostic::error(code::DUPLICATE_ATTRIBUTE, "duplicate attribute")
            .at(self.span(at..end), "this attribute was given before in the same block");
        let mut start = 0;
        for line in self.text.get(..at).unwrap_or_default().split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            let given = line.trim_start().strip_prefix(name).map(str::trim_start);
            if given.is_some_and(|rest| rest.starts_with('=') && !rest.starts_with("==")) {
                let first = start + indent;
                return diagnostic.and_at(self.span(first..first + name.len()), "first given here");
            }
            start += line.len();
        }
        diagnostic
    }
}
