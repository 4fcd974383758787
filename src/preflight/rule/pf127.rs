//! PF127: large tables cannot be copied in parts.

use super::{Over, Rule, When};
use crate::diagnostic::code::NO_SPLIT;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "large tables",
    sql: include_str!("../sql/pf127.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NO_SPLIT,
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
        "1 table of more than 20 GB cannot be copied in parts",
        "{} tables of more than 20 GB cannot be copied in parts",
    )
}
