//! PF126: values may be too wide to copy.

use super::{Over, Rule, When};
use crate::diagnostic::code::WIDE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "wide values",
    sql: include_str!("../sql/pf126.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: WIDE,
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
        "1 table has more than 256 MB of values that were moved out of line",
        "{} tables have more than 256 MB of values that were moved out of line",
    )
}
