//! PF103: user-defined collations.

use super::{Over, Rule, When};
use crate::diagnostic::code::OWN_COLLATIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "user-defined collations",
    sql: include_str!("../sql/pf103.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: OWN_COLLATIONS,
    over: Over::Database,
    when: When::Always,
    service: &[603_403],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 collation is user-defined",
        "{} collations are user-defined",
    )
}
