//! Columns and lines: widths as a terminal counts them, wrapping, shortening. Nothing here knows what the text is about.

use unicode_width::UnicodeWidthStr;

use crate::address::is_printable;

pub(crate) use crate::address::typed;

/// How many columns a text takes. Styles in it are not counted.
pub(crate) fn width(text: &str) -> usize {
    if text.contains('\x1b') {
        anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
    } else {
        text.width()
    }
}

/// A text that came from a file or a server, without characters that steer a terminal, turn the direction of a line or cannot be
/// seen: what is read is what is there. Line breaks stay.
pub(crate) fn clean(text: &str) -> String {
    let is_kept = |c: char| match c {
        '\n' => true,
        '\u{2028}' | '\u{2029}' => false,
        // They shape words of some scripts, and signs that are made of several.
        '\u{200c}' | '\u{200d}' => true,
        c if c.is_whitespace() => !c.is_control(),
        c => is_printable(c),
    };
    text.chars().map(|c| if is_kept(c) { c } else { '\u{fffd}' }).collect()
}

/// The text, filled up with spaces on the right.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// The text, filled up with spaces on the left: for numbers.
pub(crate) fn pad_left(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{:missing$}{text}", "")
}

/// At most so many columns of a text without styles; what is cut off leaves a `…`.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) >= columns {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}

/// The words of a line. A command in backticks is one word: broken across lines it could not be copied.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let command = rest
            .find("`pgferry ")
            .filter(|at| rest.find(' ').is_some_and(|space| space > *at));
        let closed = command.and_then(|at| Some(at + 1 + rest.get(at + 1..)?.find('`')?));
        let after = closed.and_then(|at| rest.get(at..)).unwrap_or(rest);
        let Some(space) = after.find(' ') else {
            words.push(rest);
            return words;
        };
        let (word, further) = rest.split_at(rest.len() - after.len() + space);
        words.push(word);
        rest = further.strip_prefix(' ').unwrap_or(further);
    }
}

/// Breaks a text at spaces into lines of at most so many columns; a word that is longer gets its own line. Line breaks in
/// the text stay.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        let mut used = 0;
        for word in words(paragraph) {
            let wide = width(word);
            if used > 0 && used + 1 + wide > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += wide;
        }
        lines.push(line);
    }
    lines
}

/// The text wrapped behind a first prefix, its further lines behind another. Prefixes are as wide as each other.
pub(crate) fn hang(first: &str, further: &str, text: &str, columns: usize) -> String {
    let room = columns.saturating_sub(width(first)).max(20);
    let mut result = String::new();
    for (at, line) in wrap(text, room).iter().enumerate() {
        let prefix = if at == 0 { first } else { further };
        result.push_str(prefix);
        result.push_str(line);
        result.truncate(result.trim_end_matches(' ').len());
        result.push('\n');
    }
    result
}

/// `1 database`, `3 databases`: the plural of regular words.
pub(crate) fn count(number: usize, word: &str) -> String {
    match (number, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {word}s"),
    }
}

/// Words as a sentence lists them: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(words: &[String]) -> String {
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A table: each column as wide as its widest cell, two spaces between, no trailing space.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| width(cell))
                .max()
                .unwrap_or_default()
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, columns)| pad(cell, *columns))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_text_breaks_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word x", 5), ["a-very-long-word", "x"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(wrap("a  b", 9), ["a  b"]);
    }

    #[test]
    fn what_is_read_is_what_is_there() {
        assert_eq!(
            clean("a\u{1b}[2K\u{202e}b\u{200b}\r\u{2028}"),
            "a\u{fffd}[2K\u{fffd}b\u{fffd}\u{fffd}\u{fffd}"
        );
        let kept = "1\u{202f}000 Grüße\n数据库 👩\u{200d}💻";
        assert_eq!(clean(kept), kept);
    }

    #[test]
    fn a_command_stays_in_one_line() {
        assert_eq!(
            wrap("end it (`pgferry cancel x`), or `wait for it", 12),
            ["end it", "(`pgferry cancel x`),", "or `wait for", "it"]
        );
        assert_eq!(wrap("a `pgferry b", 5), ["a", "`pgferry", "b"]);
    }

    #[test]
    fn words_are_counted_and_listed() {
        assert_eq!(count(1, "database"), "1 database");
        assert_eq!(count(2, "query"), "2 queries");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }

    proptest! {
        #[test]
        fn what_is_shortened_fits(text in ".*", columns in 1_usize..40) {
            prop_assert!(width(&shorten(&text, columns)) <= columns);
        }
    }
}
