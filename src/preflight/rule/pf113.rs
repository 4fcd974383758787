//! PF113: names differ by letter case only.

use super::{Over, Rule, When};
use crate::diagnostic::code::CASE_ONLY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "names that differ by letter case",
    sql: include_str!("../sql/pf113.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: CASE_ONLY,
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
        "1 name stands for several relations but for letter case",
        "{} names stand for several relations but for letter case",
    )
}
