//! Compares with recorded answers of `terraform fmt`, and holds what is true of every text.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::token::tokens;
use super::*;
use crate::config::Sources;
use crate::config::parse::check_syntax;
use crate::diagnostic::FileId;

const RECORDED: &str = include_str!("terraform.txt");

const BOM: char = '\u{feff}';

struct Recorded {
    text: String,
    /// Nothing where Terraform refuses.
    formatted: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    let is_case = |case: &&str| case.lines().any(|line| line.starts_with('>'));
    let cases = RECORDED.split("\n\n").filter(is_case);
    cases
        .map(|case| {
            let lines = |sign| {
                let lines = case.lines().filter_map(move |line| line.strip_prefix(sign));
                lines
                    .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
                    .collect::<String>()
            };
            Recorded {
                text: lines('>'),
                formatted: (!case.lines().any(|line| line == "!")).then(|| lines('<')),
            }
        })
        .collect()
}

fn is_valid(text: &str) -> bool {
    let sources = Sources::from_texts([("main.hcl", text)]);
    check_syntax(FileId(0), sources.file(FileId(0)).unwrap()).is_ok()
}

#[test]
fn files_are_laid_out_as_by_terraform() {
    let recorded = recorded();
    assert!(recorded.len() > 250, "{}", recorded.len());
    let mut different = String::new();
    for case in recorded {
        let ours = is_valid(&case.text).then(|| formatted(&case.text));
        if ours != case.formatted {
            writeln!(
                different,
                "{}terraform: {:?}\npgferry:   {ours:?}\n",
                case.text, case.formatted
            )
            .unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn line_endings_and_the_end_of_the_file_stay() {
    assert_eq!(formatted("a  =  1\r\nbb=2 # x\r\n"), "a  = 1\r\nbb = 2 # x\r\n");
    assert_eq!(formatted("a=1"), "a = 1");
    assert_eq!(formatted("a=1\n\t "), "a = 1\n  ");
    assert_eq!(formatted("\u{feff}a=1\n"), "a = 1\n");
    assert_eq!(
        formatted("a = <<E\r\n  x\r\n  E\r\nb=1\r\n"),
        "a = <<E\r\n  x\r\n  E\r\nb = 1\r\n"
    );
    assert_eq!(formatted(""), "");
}

#[test]
fn comments_between_labels_stay() {
    // Terraform drops them.
    assert_eq!(formatted("b /* x */ c /* y */ {}\n"), "b /* x */ \"c\" /* y */ {}\n");
}

#[test]
fn a_text_wrapped_twice_is_unwrapped_at_once() {
    // Terraform needs two runs.
    assert_eq!(formatted("a = \"${\"${x}\"}\"\n"), "a = x\n");
}

/// What follows the dot is no block, whose labels would be quoted.
#[test]
fn an_expression_that_goes_on_after_a_dot_at_the_end_of_a_line_stays_one() {
    let text = "locals {\n  a = local.\n  b.c\n}\n";
    assert!(is_valid(text));
    assert_eq!(formatted(text), text);
}

#[test]
fn what_stands_at_the_end_of_a_line_keeps_its_meaning() {
    for text in [
        "a = [for \nx in [1] : x]\n",
        "a = { for \nk, v in { b = 1 } : k => v }\n",
        "\r \n",
        "\r \r\n",
    ] {
        assert_eq!(formatted(text), text, "{text:?}");
    }
    assert_eq!(formatted("a = b.for \n"), "a = b.for\n");
}

#[test]
fn a_heredoc_stays_in_the_text_that_wraps_it() {
    // Terraform unwraps it, which breaks a block on one line.
    let text = "a = \"${<<E\nx\nE\n}\"\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn what_needs_more_lines_is_known() {
    for open in ["[", "f(1,", "{ a = [1]", "<<E", "<<E\nx", "\"${f(", "[ # ]"] {
        assert!(is_open(open), "{open}");
    }
    for whole in ["", "1", "[1]", "\"[", "]", "<<E\nx\nE", "\"${\"[\"}\"", "f(1) )"] {
        assert!(!is_open(whole), "{whole}");
    }
}

#[test]
fn what_stands_around_an_expression_is_taken_away() {
    for (text, code) in [
        (" /* a */ f(1) # b", "f(1)"),
        ("// a\n\n[ # b\n1]\n", "[ # b\n1]"),
        ("\"# x\"", "\"# x\""),
        ("<<E\n# x\nE\n", "<<E\n# x\nE"),
        ("# a", ""),
        ("", ""),
    ] {
        assert_eq!(without_surroundings(text), code);
    }
}

/// Blanks, as people leave them.
fn blank() -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(vec!["", " ", "   ", "\t"])
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "-2.5e3",
        "null",
        "a",
        "a.b",
        "a[ 0 ]",
        "\"x ${ y } z\"",
        "\"${ y }\"",
        "\"%{ if a }b%{ endif }\"",
        "\"$${\"",
        "[ ]",
        "{}",
        "\"\\\"é\"",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 16, 3, |inner| {
        let operators = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"]);
        let two = (inner.clone(), blank(), inner.clone(), blank());
        prop_oneof![
            (two.clone(), operators).prop_map(|((a, s, b, t), operator)| format!("({a} {s}{operator}{t} {b})")),
            two.clone().prop_map(|(a, s, b, t)| format!("[{s}{a},{t}{b}]")),
            two.clone().prop_map(|(a, s, b, t)| format!("[\n{s}{a},{t}# c\n{b}\n]")),
            two.clone()
                .prop_map(|(a, s, b, t)| format!("{{{s}k{t}={a}, \"l\"={b} }}")),
            two.clone()
                .prop_map(|(a, s, b, t)| format!("{{\n{s}k{t}={a}\n long = {b} // c\n}}")),
            two.clone().prop_map(|(a, s, b, t)| format!("f({s}{a}{t}, {b}...)")),
            two.clone()
                .prop_map(|(a, s, b, t)| format!("[{s}for x in{t} {a}: {b}]")),
            two.prop_map(|(a, s, b, t)| format!("x{s}?{t}{a} : {b}")),
            inner.clone().prop_map(|a| format!("\"a ${{ {a} }}\"")),
            inner.clone().prop_map(|a| format!("\"${{ {a} }}\"")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn file() -> impl Strategy<Value = String> {
    let attribute = (blank(), expression(), blank())
        .prop_map(|(s, value, t)| format!("{s}NAME{t}={s}{value}{t}"))
        .boxed();
    let heredoc = (blank(), expression(), blank())
        .prop_map(|(s, value, t)| format!("{s}NAME{t}= <<-E\n{t}text ${{ {value} }}\n # none\n {s}E"));
    let ending = prop::sample::select(vec!["\n", "\n\n", " # c\n", "\n  // c\n", "\n/* c\n d */\n"]);
    let item = prop_oneof![
        (attribute, ending).prop_map(|(attribute, ending)| attribute + ending),
        heredoc.prop_map(|heredoc| heredoc + "\n"),
    ]
    .boxed();
    let block = (blank(), prop::collection::vec(item.clone(), 0..4))
        .prop_map(|(s, items)| format!("variable{s} \"l\" m{s}{{ # c\n{}}}\n", items.concat()));
    prop::collection::vec(prop_oneof![item, block], 0..6).prop_map(|items| {
        let mut text = items.concat();
        for at in 0.. {
            let Some(place) = text.find("NAME") else { break };
            let name = format!("n{}", "x".repeat(at));
            text.replace_range(place..place + 4, &name);
        }
        text
    })
}

/// The tokens of a text without their blanks.
fn bare(text: &str) -> Vec<String> {
    let (tokens, _) = tokens(text);
    body::respelled(tokens)
        .into_iter()
        .map(|token| token.text.into_owned())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_panics_and_nothing_but_blanks_is_lost(text in "(?s).{0,100}") {
        let visible = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let bom = usize::from(text.starts_with(BOM));
        // A wrapping of four characters may go.
        let lost = visible(&text) - bom;
        let unwrapped = 4 * text.matches("${").count();
        prop_assert!(visible(&formatted(&text)) + unwrapped >= lost);
    }

    #[test]
    fn a_text_in_pieces_is_the_text(text in "(?s)[a${}%~<E\"\\n\\r #/*=.:\\\\é-]{0,60}") {
        let (tokens, blanks) = tokens(&text);
        let mut joined: String = tokens.iter().map(|token| " ".repeat(token.before) + &token.text).collect();
        joined.push_str(&" ".repeat(blanks));
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn what_is_laid_out_stays_and_means_the_same(text in file()) {
        prop_assert!(is_valid(&text), "{}", text);
        let once = formatted(&text);
        prop_assert!(is_valid(&once), "{}", once);
        prop_assert_eq!(bare(&once), bare(&text));
        prop_assert_eq!(formatted(&once), once);
    }
}
