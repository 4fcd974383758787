//! PF140: the database on the target is not empty.

use super::{Over, Rule, When};
use crate::diagnostic::code::NOT_EMPTY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "what the target holds",
    sql: include_str!("../sql/pf140.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NOT_EMPTY,
    over: Over::Arrival,
    when: When::Always,
    service: &[603_101],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "the database on the target holds 1 object",
        "the database on the target holds {} objects",
    )
}
