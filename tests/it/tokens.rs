//! Tokens that end long before an apply does.

use serde_json::Value as Json;

use crate::support::Ferry;

/// Whether a request asked for a token.
fn is_sign_in(entry: &Json) -> bool {
    entry["path"].as_str().is_some_and(|path| path.ends_with("/token"))
}

/// The quickstart takes an hour of simulated time, and a token of 90 s is renewed 18 s before it ends.
#[test]
fn tokens_of_ninety_seconds_are_renewed_before_they_end() {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| world["options"]["token_life"] = "90s".into());
    let _ = ferry.apply();
    let entries = ferry.entries();
    let at = |entry: &Json| entry["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let took = at(entries.last().unwrap()).duration_since(at(entries.first().unwrap()));
    assert!(took.as_mins() >= 10, "{took}");
    let fetched = entries.iter().filter(|entry| is_sign_in(entry)).count();
    assert!(fetched > 6, "{fetched} tokens");
    // One for each stretch of work, not one for each call.
    assert!(
        fetched * 2 < entries.len(),
        "{fetched} tokens for {} requests",
        entries.len()
    );
    let refused: Vec<&Json> = entries.iter().filter(|entry| entry["status"] == 401).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}
