//! Takes the secrets that were sent, or are at hand to be sent, out of what services say back: some repeat what they refuse, and
//! tell it to whoever asks next. It hides nothing else.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value as Json;

use crate::arm::{Failure, ServiceError};
use crate::secret::Secret;

/// What stands where a secret stood.
const MASK: &str = "(secret)";

/// Shorter ones are part of too many words: hiding them would tell them, and leave no message readable.
const SHORTEST: usize = 4;

/// Members of a migration's status that hold what the service says in words (contract 5.4). Others are names and states: a
/// password may be spelled like one of them.
const WORDS: [&str; 3] = ["error", "message", "messages"];

/// Every form in which secrets may come back, the longest first.
#[derive(Default)]
pub struct Masks(Mutex<Vec<Secret>>);

impl Masks {
    /// Remembers secrets that are at hand or about to be sent.
    pub fn remember<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.len();
        for secret in secrets {
            for form in forms(secret) {
                if form.expose().len() >= SHORTEST && !known.contains(&form) {
                    known.push(form);
                }
            }
        }
        // Most calls send what others have sent already; a form may be a part of another one.
        if known.len() > before {
            known.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
        }
    }

    /// A text without them.
    pub fn hide_in_text(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        masked(text.to_owned(), &known)
    }

    /// The failure without them.
    pub(super) fn hide(&self, failure: Failure) -> Failure {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Failure::Refused(mut error) => {
                hide_in(&mut error, &known);
                Failure::Refused(error)
            }
            Failure::Failed(mut error) => {
                hide_in(&mut error, &known);
                Failure::Failed(error)
            }
            // It may quote an answer that is not ARM's.
            Failure::Garbled(text) => Failure::Garbled(masked(text, &known)),
            Failure::Throttled { .. }
            | Failure::Unauthenticated { .. }
            | Failure::Unreachable(_)
            | Failure::Unaddressable { .. }
            | Failure::TimedOut { .. } => failure,
        }
    }

    /// A migration, as answered, without them in what the service says of its course.
    pub(super) fn hide_in_migration(&self, migration: &mut Json) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(status) = migration.pointer_mut("/properties/currentStatus")
            && !known.is_empty()
        {
            hide_in_words(status, false, &known);
        }
    }
}

/// Hides what is known in the words of a status: in members of such names, and in lists that they hold.
fn hide_in_words(json: &mut Json, is_words: bool, known: &[Secret]) {
    match json {
        Json::String(text) if is_words => *text = masked(std::mem::take(text), known),
        Json::Array(elements) => {
            for element in elements {
                hide_in_words(element, is_words, known);
            }
        }
        Json::Object(members) => {
            for (name, member) in members {
                let named = WORDS.iter().any(|words| words.eq_ignore_ascii_case(name));
                hide_in_words(member, named, known);
            }
        }
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn hide_in(error: &mut ServiceError, known: &[Secret]) {
    let ServiceError {
        status: _,
        code,
        message,
        target,
        details,
        request_id: _,
        retry_after: _,
    } = error;
    for text in [Some(code), Some(message), target.as_mut()].into_iter().flatten() {
        *text = masked(std::mem::take(text), known);
    }
    for detail in details {
        hide_in(detail, known);
    }
}

fn masked(mut text: String, known: &[Secret]) -> String {
    for form in known {
        if text.contains(form.expose()) {
            text = text.replace(form.expose(), MASK);
        }
    }
    text
}

/// As it is, escaped as in JSON, in base64, and as in an address.
fn forms(secret: &Secret) -> [Secret; 5] {
    let text = secret.expose();
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let escaped = inner.unwrap_or(text);
    [
        secret.clone(),
        Secret::new(escaped),
        Secret::new(STANDARD.encode(text)),
        Secret::new(STANDARD_NO_PAD.encode(text)),
        Secret::new(percent_encoded(text)),
    ]
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => drop(write!(encoded, "%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secret: &str, text: &str) -> String {
        let masks = Masks::default();
        masks.remember([&Secret::new(secret)]);
        masks.hide(Failure::Garbled(text.to_owned())).to_string()
    }

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_may_come_back() {
        for form in [
            "p\"ä s/w",
            "p\\\"ä s/w",
            "cCLDpCBzL3c=",
            "cCLDpCBzL3c",
            "p%22%C3%A4%20s%2Fw",
        ] {
            assert_eq!(
                hidden("p\"ä s/w", &format!("`{form}` is refused")),
                "the answer cannot be read: `(secret)` is refused",
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_part_of_any_word_is_not_hidden() {
        assert_eq!(hidden("a", "a page"), "the answer cannot be read: a page");
    }
}
