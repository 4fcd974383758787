//! PF129: functions reach for the host.

use super::{Over, Rule, When};
use crate::diagnostic::code::HOST_FUNCTIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "functions",
    sql: include_str!("../sql/pf129.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: HOST_FUNCTIONS,
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
        "1 function reaches for the host or another server",
        "{} functions reach for the host or another server",
    )
}
