//! PF086: generated columns are replayed only by recent engines.

use super::{Over, Rule, When};
use crate::diagnostic::code::GENERATED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "generated columns",
    sql: include_str!("../sql/pf086.sql"),
    since: 120_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: GENERATED,
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
        "1 column is generated",
        "{} columns are generated",
    )
}
