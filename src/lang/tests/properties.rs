//! What holds for every text and every number.

use proptest::prelude::*;

use super::*;
use crate::lang::number::Number;

/// Texts that are nearly expressions: pieces of the grammar in any order.
fn nearly_expression() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "${",
        "%{",
        "~}",
        "a",
        "1",
        "-1.5e3",
        "1e999",
        ".",
        "*",
        "[*]",
        "?",
        ":",
        "=>",
        "=",
        "==",
        "&&",
        "for ",
        " in ",
        "if ",
        "<<-E\n",
        "\nE\n",
        "\n",
        "+",
        "-",
        "!",
        "%",
        "/",
        "upper(",
        "max(",
        "try(",
        "format(\"%v\", ",
        "...",
        ",",
        "null",
        "true",
        "\"x\"",
        "\"%{ if true }\"",
        "endif",
        "é",
        "\\",
        "\\u00",
        "#",
        "/*",
        "*/",
        "core::",
        "9999999999999999999999",
        "range(9)",
        "each.key",
        " ",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

/// Whole expressions, so that evaluation is reached more often than by chance.
fn expression() -> impl Strategy<Value = String> {
    let names = crate::lang::function::all().map(|function| function.name).collect();
    expression_of(LEAVES, names)
}

/// Expressions in which [`HIDDEN`] stands only where it is sensitive, and nothing takes the mark away.
fn expression_with_a_secret() -> impl Strategy<Value = String> {
    let names = crate::lang::function::all().map(|function| function.name);
    expression_of(SECRETS, names.filter(|name| *name != "nonsensitive").collect())
}

/// The text and the number that nothing may show.
const HIDDEN: [&str; 2] = ["hunter2", "4711"];

const SECRETS: &[&str] = &[
    "1",
    "\"a\"",
    "null",
    "{ a = 1 }",
    "[1, 2]",
    "\"10.0.0.0/24\"",
    "\"%d\"",
    "sensitive(\"hunter2\")",
    "sensitive(4711)",
    "sensitive([\"hunter2\", \"hunter2\"])",
    "sensitive({ hunter2 = 4711 })",
    "sensitive(tomap({ hunter2 = \"hunter2\" }))",
    "toset([sensitive(\"hunter2\")])",
    "[sensitive(\"hunter2\")]",
    "{ a = sensitive(4711) }",
    "{ (sensitive(\"hunter2\")) = 1 }",
];

const LEAVES: &[&str] = &[
    "1",
    "0",
    "-2.5",
    "1e300",
    "\"a\"",
    "\"\"",
    "true",
    "null",
    "[]",
    "{}",
    "\"é\"",
    "sensitive(\"s\")",
    "toset([1])",
    "tolist([\"b\"])",
    "tomap({ a = 1 })",
    "\"10.0.0.0/8\"",
    "\"%d\"",
    "\"[a-z]\"",
];

fn expression_of(leaves: &'static [&'static str], names: Vec<&'static str>) -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let operators = vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{ (\"k\") = {a}, b = {b} }}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            inner.clone().prop_map(|a| format!("({a})[*].b")),
            inner.clone().prop_map(|a| format!("\"x${{{a}}}\"")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[for k, v in {a} : {b} if v != k]")),
            inner.clone().prop_map(|a| format!("{{ for v in {a} : v => v... }}")),
            (prop::sample::select(names.clone()), prop::collection::vec(inner, 0..4))
                .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_the_parser_or_the_evaluator_panic(text in ".{0,80}") {
        let _ = eval(&text);
    }

    #[test]
    fn a_place_never_lies_inside_a_character(text in "\"[6é\u{202e}\u{bf7ce}\n\t ]{0,12}") {
        let _ = eval(&text);
    }

    #[test]
    fn nothing_near_the_grammar_panics(text in nearly_expression()) {
        let _ = eval(&text);
    }

    #[test]
    fn no_expression_panics_or_shows_what_is_sensitive(text in expression()) {
        if let Ok(value) = eval(&text) {
            let shown = format!("{}", Displayed(&value));
            let debugged = format!("{value:?}");
            prop_assert!(!value.marks.sensitive || (shown == "(sensitive value)" && debugged == shown));
        }
    }

    #[test]
    fn no_value_and_no_complaint_shows_what_is_sensitive(text in expression_with_a_secret()) {
        let value = syntax::expression(FileId(0), &text).and_then(|expr| constant(&expr));
        let shown = match &value {
            Ok(value) => format!("{} {value:?}", Displayed(value)),
            Err(found) => words(found),
        };
        // Functions change the case of texts.
        let shown = shown.to_lowercase();
        prop_assert!(!HIDDEN.iter().any(|hidden| shown.contains(hidden)), "{}", shown);
    }

    #[test]
    fn a_number_is_what_its_digits_say(digits in "-?[1-9][0-9]{0,140}(\\.[0-9]{0,8}[1-9])?") {
        let number: Number = digits.parse().unwrap();
        prop_assert_eq!(number.to_string(), digits);
    }

    #[test]
    fn calculating_with_whole_numbers_is_exact(a in any::<i128>(), b in any::<i64>()) {
        let (x, y): (Number, Number) = (a.to_string().parse().unwrap(), b.to_string().parse().unwrap());
        prop_assert_eq!(x.plus(&y).unwrap().minus(&y).unwrap(), x.clone());
        let product = x.times(&y).unwrap();
        if b != 0 {
            prop_assert_eq!(product.divided_by(&y).unwrap(), x.clone());
            let rest = x.remainder(&y).unwrap();
            prop_assert_eq!(rest.to_string(), (a % i128::from(b)).to_string());
        }
    }

    #[test]
    fn what_is_written_as_yaml_is_read_the_same(text in expression()) {
        if let (Ok(value), Ok(read)) = (eval(&text), eval(&format!("yamldecode(yamlencode({text}))"))) {
            // Neither is there JSON of an infinite number.
            let json = |value| crate::lang::function::json_of(value).ok();
            prop_assert_eq!(json(&read), json(&value));
        }
    }

    #[test]
    fn what_is_written_as_json_is_read_the_same(text in expression()) {
        if let Ok(value) = eval(&text)
            && let Ok(written) = crate::lang::function::json_of(&value)
        {
            let read = crate::lang::json::parse(&written).unwrap();
            prop_assert_eq!(crate::lang::function::json_of(&read).unwrap(), written);
        }
    }
}
