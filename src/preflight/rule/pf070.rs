//! PF070: transaction ids are far spent.

use super::{Over, Rule, When};
use crate::diagnostic::code::FREEZE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the age of transaction ids",
    sql: include_str!("../sql/pf070.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: FREEZE,
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
        Severity::Warning,
        "1 database has used up half of its transaction ids",
        "{} databases have used up half of their transaction ids",
    )
}
