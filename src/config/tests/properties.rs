//! What holds for every file.

use proptest::prelude::*;

use super::*;

/// Texts that are nearly files: pieces of the grammar in any order.
fn nearly_file() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "source \"a\" {\n",
        "network \"n\" {\n",
        "locals {\n",
        "variable \"v\" {\n",
        "output \"o\" {\n",
        "azure {\n",
        "}\n",
        "}",
        "  x = ",
        "  for_each = ",
        "  value = ",
        "  default = ",
        "lifecycle {\n",
        "dynamic \"d\" {\n",
        "content {\n",
        "1",
        "\"t\"",
        "\"${",
        "[",
        "]",
        "{",
        "(",
        ")",
        "\n",
        "<<-E\n",
        "  E\n",
        "local.x",
        "var.v",
        "source.a",
        "network.n.guid",
        "each.key",
        "[*]",
        ".x",
        "#",
        "/*",
        "*/",
        " ",
        "=",
        "\"",
        "toset([\"a\"])",
        "\r\n",
        "\u{feff}",
        "é",
    ];
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

fn places_lie_in_the_text(text: &str) -> Result<(), TestCaseError> {
    let (sources, result) = run(&[("main.hcl", text)], &supplied(&[]));
    let found = match result {
        Ok(folded) => folded.warnings,
        Err(found) => {
            prop_assert!(found.has_errors());
            found
        }
    };
    for found in found.iter() {
        let marks = found.primary.iter().chain(&found.others);
        for mark in marks {
            let length = sources.file(mark.span.file).map(|file| file.text.len()).unwrap();
            prop_assert!(mark.span.start <= mark.span.end && mark.span.range().end <= length.max(1));
            prop_assert!(sources.locate(mark.span).is_some(), "{:?}", mark);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_file_panics_and_every_place_lies_in_it(text in "(?s).{0,120}") {
        places_lie_in_the_text(&text)?;
    }

    #[test]
    fn nothing_near_the_grammar_panics_and_every_place_lies_in_it(text in nearly_file()) {
        places_lie_in_the_text(&text)?;
    }
}
