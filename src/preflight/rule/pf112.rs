//! PF112: rights on the schema public change.

use super::{Over, Rule, When};
use crate::diagnostic::code::PUBLIC_SCHEMA;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "rights on public",
    sql: include_str!("../sql/pf112.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: PUBLIC_SCHEMA,
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
        "the schema `public` has rights of its own",
        "{} schemas have rights of their own",
    )
}
