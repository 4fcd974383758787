//! PF080: tables cannot replay updates and deletes.

use super::{Over, Rule, When};
use crate::diagnostic::code::NO_IDENTITY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the identities of rows",
    sql: include_str!("../sql/pf080.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NO_IDENTITY,
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
        Severity::Error,
        "1 table cannot replay updates and deletes",
        "{} tables cannot replay updates and deletes",
    )
}
