//! An explanation of a code as text for a terminal: paragraphs wrapped, examples set in.

use super::layout::{hang, wrap};
use crate::cli::color::{ERROR, GOOD, STRONG, paint};
use crate::diagnostic::code::Explanation;

/// The code and its meaning as a headline, then the explanation.
pub(crate) fn render(explanation: &Explanation, width: usize) -> String {
    let code = format!("{}: ", paint(STRONG, explanation.code.as_str()));
    let mut text = hang(&code, "      ", explanation.meaning, width);
    let mut paragraph: Vec<&str> = Vec::new();
    let mut lines = explanation.text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            flush(&mut paragraph, &mut text, width);
            text.push_str(&caption(info));
            for line in lines.by_ref().take_while(|line| *line != "```") {
                text.push_str(format!("    {line}").trim_end());
                text.push('\n');
            }
        } else if line.is_empty() {
            flush(&mut paragraph, &mut text, width);
        } else {
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut text, width);
    text
}

fn flush(paragraph: &mut Vec<&str>, text: &mut String, width: usize) {
    if paragraph.is_empty() {
        return;
    }
    text.push('\n');
    for line in wrap(&paragraph.join(" "), width) {
        text.push_str(&line);
        text.push('\n');
    }
    paragraph.clear();
}

/// What stands above an example: whether it is wrong or right, and in which file it stands where that matters.
fn caption(info: &str) -> String {
    let mut words = info.split(' ').skip(1);
    let sort = match words.next() {
        Some("wrong") => paint(ERROR, "Wrong"),
        Some("right") => paint(GOOD, "Right"),
        Some(_) | None => return "\n".to_owned(),
    };
    match words.next() {
        Some(file) => format!("\n{sort}, in {file}:\n\n"),
        None => format!("\n{sort}:\n\n"),
    }
}
