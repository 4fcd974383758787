//! PF064: logical slots that nobody reads.

use super::{Over, Rule, When};
use crate::diagnostic::code::IDLE_SLOTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "idle slots",
    sql: include_str!("../sql/pf064.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: IDLE_SLOTS,
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
        Severity::Warning,
        "1 logical slot is read by nobody",
        "{} logical slots are read by nobody",
    )
}
