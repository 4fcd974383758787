//! PF117: columns hold ids of objects.

use super::{Over, Rule, When};
use crate::diagnostic::code::OBJECT_IDS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "columns with object ids",
    sql: include_str!("../sql/pf117.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: OBJECT_IDS,
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
        "1 column holds ids of objects",
        "{} columns hold ids of objects",
    )
}
