//! PF105: collations have changed since indexes were built.

use super::{Over, Rule, When};
use crate::diagnostic::code::COLLATION_VERSIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the versions of collations",
    sql: include_str!("../sql/pf105.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: COLLATION_VERSIONS,
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
        "1 collation has changed under its indexes",
        "{} collations have changed under their indexes",
    )
}
