//! PF114: names hold characters that tools stumble over.

use super::{Over, Rule, When};
use crate::diagnostic::code::HOSTILE_NAMES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "odd names",
    sql: include_str!("../sql/pf114.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: HOSTILE_NAMES,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Warning,
        "1 name holds quotes or control characters",
        "{} names hold quotes or control characters",
    )
}
