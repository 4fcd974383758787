//! Mistakes, a directory each below `tests/cases/errors`: a configuration, perhaps `arguments.txt` with a word of the command on
//! each line, and in `expected.txt` all that `validate` says about it. `PGFERRY_TEST_BLESS=1` writes those texts anew; then they
//! are to be read as a user would.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Ferry;

/// What no user shall read.
const INTERNAL: [&str; 6] = ["panicked", "RUST_BACKTRACE", "unwrap", "src/", "hcl_edit", "winnow"];

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/errors");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// What `validate` says; its own place stands as `DIR`.
fn said(case: &Path) -> (i32, String) {
    let ferry = Ferry::copy(case);
    let arguments = fs::read_to_string(ferry.path("arguments.txt")).unwrap_or_default();
    let arguments: Vec<&str> = ["validate"].into_iter().chain(arguments.lines()).collect();
    let answer = ferry.run(&arguments);
    let text = format!("{}{}", answer.err, answer.out).replace(&ferry.path("").display().to_string(), "DIR/");
    (answer.code, text)
}

#[test]
fn each_is_told_with_its_place_and_a_way_out() {
    let cases = cases();
    #[expect(
        clippy::disallowed_methods,
        reason = "whether to write the texts anew is for the environment to say"
    )]
    let bless = std::env::var_os("PGFERRY_TEST_BLESS").is_some();
    let mut different = String::new();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy();
        let (code, text) = said(case);
        let warning = text.starts_with("warning");
        assert_eq!(code, i32::from(!warning), "{name}:\n{text}");
        assert!(warning || text.contains("error"), "{name} is no mistake:\n{text}");
        for word in INTERNAL {
            assert!(!text.contains(word), "{name}: `{word}` is shown:\n{text}");
        }
        let path = case.join("expected.txt");
        if bless {
            fs::write(path, text).unwrap();
        } else if fs::read_to_string(path).unwrap_or_default() != text {
            writeln!(different, "##### {name}\n{text}").unwrap();
        }
    }
    assert!(cases.len() >= 290, "{}", cases.len());
    assert!(different.is_empty(), "other texts than expected:\n{different}");
}
