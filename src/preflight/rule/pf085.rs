//! PF085: sequences are nearly spent.

use super::{Over, Rule, When};
use crate::diagnostic::code::SEQUENCES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "sequences",
    sql: include_str!("../sql/pf085.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SEQUENCES,
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
        "1 sequence is nearly spent",
        "{} sequences are nearly spent",
    )
}
