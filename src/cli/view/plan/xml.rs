//! Text within XML and HTML.

/// Between tags. Line breaks stay.
pub(crate) fn text(text: &str) -> String {
    escaped(text, "\n")
}

/// Between quotes, where a line break as such would be read as a space.
pub(crate) fn attribute(text: &str) -> String {
    escaped(text, "&#10;")
}

fn escaped(text: &str, line_break: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            '"' => result.push_str("&quot;"),
            '\n' => result.push_str(line_break),
            // XML 1.0 has no way to write these.
            '\u{fffe}' | '\u{ffff}' => result.push('\u{fffd}'),
            c if c.is_control() => result.push('\u{fffd}'),
            c => result.push(c),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_is_escaped() {
        assert_eq!(text("<a b=\"1\">\n&\u{1b}"), "&lt;a b=&quot;1&quot;&gt;\n&amp;\u{fffd}");
        assert_eq!(attribute("a\nb"), "a&#10;b");
    }
}
