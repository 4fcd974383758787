//! PF087: identity columns that are always generated.

use super::{Over, Rule, When};
use crate::diagnostic::code::IDENTITY_ALWAYS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "identity columns",
    sql: include_str!("../sql/pf087.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: IDENTITY_ALWAYS,
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
        "1 identity column is always generated",
        "{} identity columns are always generated",
    )
}
