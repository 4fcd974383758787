//! PF124: indexes or constraints are not valid.

use super::{Over, Rule, When};
use crate::diagnostic::code::INVALID;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "invalid indexes and constraints",
    sql: include_str!("../sql/pf124.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: INVALID,
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
        "1 index or constraint is not valid",
        "{} indexes and constraints are not valid",
    )
}
