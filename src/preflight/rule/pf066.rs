//! PF066: prepared transactions hold up the start.

use super::{Over, Rule, When};
use crate::diagnostic::code::PREPARED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "prepared transactions",
    sql: include_str!("../sql/pf066.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: PREPARED,
    over: Over::Source,
    when: When::Online,
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
        "1 prepared transaction is open",
        "{} prepared transactions are open",
    )
}
