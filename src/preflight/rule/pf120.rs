//! PF120: triggers fire during the replay.

use super::{Over, Rule, When};
use crate::diagnostic::code::TRIGGERS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "triggers",
    sql: include_str!("../sql/pf120.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TRIGGERS,
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
        "1 trigger fires during the replay",
        "{} triggers fire during the replay",
    )
}
