//! What the parser refuses and the language takes is hidden from it: other letters of the same width stand in its place, and
//! what it is comes from the text itself. Nothing here parses.

use std::ops::Range;

/// The text with the cause of the error masked; nothing where the error is none of ours to hide. `run` tells how often this text
/// has been tried.
pub(super) fn masked(text: &str, error: &hcl_edit::parser::Error, run: usize) -> Option<String> {
    let at = error.location().offset();
    if let Some(exponent) = exponent_at(text, at) {
        let digits = "0".repeat(exponent.len());
        return Some(replaced(text, exponent, &digits));
    }
    if error.message().contains("redefined object key") {
        let word = key_at(text, at)?;
        let other = other_word(text.get(word.clone())?, at + run);
        return Some(replaced(text, word, &other));
    }
    without_false_ends(text)
}

/// What stands between quotes where there is nothing to unescape.
pub(super) fn plainly_quoted(written: &str) -> Option<&str> {
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.is_empty() && !inner.contains(['\\', '"', '$', '%', '\n'])).then_some(inner)
}

fn replaced(text: &str, range: Range<usize>, by: &str) -> String {
    let mut text = text.to_owned();
    text.replace_range(range, by);
    text
}

/// The range of an exponent of three digits or more that starts there, right after the digits of a number. The parser refuses
/// those that an `f64` cannot hold.
fn exponent_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?.strip_prefix(['e', 'E'])?;
    text.get(..at)?.ends_with(|c: char| c.is_ascii_digit()).then_some(())?;
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (count >= 3).then(|| at..text.len() - digits.len() + count)
}

/// The range of the word or plain text that starts there as the key of an object. The parser refuses a key that was given before;
/// in Terraform the last one counts.
fn key_at(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    if rest.starts_with('"') {
        let end = rest.get(1..)?.find('"')? + 2;
        plainly_quoted(rest.get(..end)?)?;
        return Some(at + 1..at + end - 1);
    }
    let end = rest.find(|c: char| !continues_word(c)).unwrap_or(rest.len());
    (end > 0).then(|| at..at + end)
}

/// A word of the same width that nobody is likely to have written, another one for each `seed`.
fn other_word(word: &str, seed: usize) -> String {
    let alphabet: &[u8] = match word.starts_with(|c: char| c.is_ascii_digit()) {
        true => b"123456789",
        false => b"qxzjkvwypghbfmduclnrtsoaie",
    };
    let mut rest = seed;
    let letters = (0..word.len()).map(|_| {
        let letter = alphabet.get(rest % alphabet.len()).copied().unwrap_or(b'q');
        rest /= alphabet.len();
        char::from(letter)
    });
    letters.collect()
}

/// The text with other letters where a line of a heredoc begins with the word that ends it, but goes on. The parser ends the
/// heredoc there; as in Terraform it is text, which is read from the text itself. Nothing where there is no such line.
fn without_false_ends(text: &str) -> Option<String> {
    let mut masked = String::with_capacity(text.len());
    let mut ends_with: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let Some(word) = ends_with else {
            let opener = line
                .trim_end()
                .rsplit_once("<<")
                .map(|(_, word)| word.strip_prefix('-').unwrap_or(word));
            ends_with = opener.filter(|word| !word.is_empty() && !word.contains(|c: char| !continues_word(c)));
            masked.push_str(line);
            continue;
        };
        let content = line.trim_start();
        match content.strip_prefix(word) {
            Some(rest) if rest.trim().is_empty() => ends_with = None,
            Some(rest) if !rest.starts_with(continues_word) => {
                masked.push_str(line.get(..line.len() - content.len()).unwrap_or_default());
                masked.push_str(&"_".repeat(word.len()));
                masked.push_str(rest);
                continue;
            }
            Some(_) | None => {}
        }
        masked.push_str(line);
    }
    (masked != text).then_some(masked)
}

fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
