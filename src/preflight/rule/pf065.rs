//! PF065: long transactions hold up the start.

use super::{Over, Rule, When};
use crate::diagnostic::code::LONG_TRANSACTIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "long transactions",
    sql: include_str!("../sql/pf065.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: LONG_TRANSACTIONS,
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
        "1 transaction has been open for more than 5 minutes",
        "{} transactions have been open for more than 5 minutes",
    )
}
