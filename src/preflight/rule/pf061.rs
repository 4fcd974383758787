//! PF061: the user may not read everything.

use super::{Over, Rule, When};
use crate::diagnostic::code::UNREADABLE_RELATIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "what the user may read",
    sql: include_str!("../sql/pf061.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: UNREADABLE_RELATIONS,
    over: Over::Database,
    when: When::Always,
    service: &[603_110],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 relation cannot be read",
        "{} relations cannot be read",
    )
}
