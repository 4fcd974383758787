//! PF056: timeouts would cut long copies.

use super::{Over, Rule, When};
use crate::diagnostic::code::TIMEOUTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the timeouts of new sessions",
    sql: include_str!("../sql/pf056.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TIMEOUTS,
    over: Over::Source,
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
        Severity::Error,
        "1 timeout would cut long copies",
        "{} timeouts would cut long copies",
    )
}
