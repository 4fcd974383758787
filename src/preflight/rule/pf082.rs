//! PF082: rows are identified by all their columns.

use super::{Over, Rule, When};
use crate::diagnostic::code::FULL_IDENTITY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "tables identified by all columns",
    sql: include_str!("../sql/pf082.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: FULL_IDENTITY,
    over: Over::Database,
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
        "1 table identifies rows by all columns",
        "{} tables identify rows by all columns",
    )
}
