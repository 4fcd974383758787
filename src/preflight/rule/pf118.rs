//! PF118: policies would hide rows from the copy.

use super::{Over, Rule, When};
use crate::diagnostic::code::ROW_SECURITY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "row-level security",
    sql: include_str!("../sql/pf118.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: ROW_SECURITY,
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
        Severity::Error,
        "1 table would show the user a part of its rows",
        "{} tables would show the user a part of their rows",
    )
}
