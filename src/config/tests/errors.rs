//! Configurations that are wrong, and everything that is said about them.

use super::*;

/// Each case: a name, a configuration, and what is found in it.
const CASES: &str = include_str!("errors.txt");

#[test]
fn what_is_wrong_is_said_with_its_place_and_a_way_out() {
    let mut different = String::new();
    let mut count = 0;
    for case in CASES.split("===== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("-----\n").unwrap();
        let ours = found(text);
        if ours != expected {
            write!(different, "===== {name}\n{text}-----\n{ours}").unwrap();
        }
        count += 1;
    }
    assert!(count > 60, "{count}");
    assert!(different.is_empty(), "{different}");
}
