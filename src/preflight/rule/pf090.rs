//! PF090: event triggers.

use super::{Over, Rule, When};
use crate::diagnostic::code::EVENT_TRIGGERS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "event triggers",
    sql: include_str!("../sql/pf090.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EVENT_TRIGGERS,
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
        "1 event trigger is there",
        "{} event triggers are there",
    )
}
