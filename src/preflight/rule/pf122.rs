//! PF122: tables inherit from tables.

use super::{Over, Rule, When};
use crate::diagnostic::code::INHERITANCE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "inheritance",
    sql: include_str!("../sql/pf122.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: INHERITANCE,
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
        Severity::Note,
        "1 table inherits from another",
        "{} tables inherit from others",
    )
}
