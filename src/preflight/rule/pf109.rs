//! PF109: a language does not exist on the target.

use super::{Over, Rule, When};
use crate::diagnostic::code::LANGUAGES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "languages",
    sql: include_str!("../sql/pf109.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: LANGUAGES,
    over: Over::Database,
    when: When::Always,
    service: &[603_413],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 language does not exist on the target",
        "{} languages do not exist on the target",
    )
}
