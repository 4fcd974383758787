//! PF089: foreign servers have to be set up anew.

use super::{Over, Rule, When};
use crate::diagnostic::code::FOREIGN_DATA;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "foreign servers",
    sql: include_str!("../sql/pf089.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: FOREIGN_DATA,
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
        "1 foreign server is there",
        "{} foreign servers are there",
    )
}
