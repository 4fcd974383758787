//! PF125: exclusion constraints.

use super::{Over, Rule, When};
use crate::diagnostic::code::EXCLUSION;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "exclusion constraints",
    sql: include_str!("../sql/pf125.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EXCLUSION,
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
        "1 exclusion constraint is there",
        "{} exclusion constraints are there",
    )
}
