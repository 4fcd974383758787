//! PF067: the source takes part in replication.

use super::{Over, Rule, When};
use crate::diagnostic::code::IN_REPLICATION;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "publications and subscriptions",
    sql: include_str!("../sql/pf067.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: IN_REPLICATION,
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
        "1 publication or subscription is there",
        "{} publications and subscriptions are there",
    )
}
