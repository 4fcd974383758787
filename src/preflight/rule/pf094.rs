//! PF094: an extension lives in a system schema.

use super::{Over, Rule, When};
use crate::diagnostic::code::EXTENSION_IN_SYSTEM;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "extensions in system schemas",
    sql: include_str!("../sql/pf094.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EXTENSION_IN_SYSTEM,
    over: Over::Database,
    when: When::Always,
    service: &[603_407],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 extension lives in a system schema",
        "{} extensions live in a system schema",
    )
}
