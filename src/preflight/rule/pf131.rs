//! PF131: publications of all tables and subscriptions.

use super::{Over, Rule, When};
use crate::diagnostic::code::DUMPED_PUBLICATIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "publications of all tables",
    sql: include_str!("../sql/pf131.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: DUMPED_PUBLICATIONS,
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
        "1 publication or subscription takes a superuser to restore",
        "{} publications and subscriptions take a superuser to restore",
    )
}
