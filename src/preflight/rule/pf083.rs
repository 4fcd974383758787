//! PF083: changes of unlogged tables are not replayed.

use super::{Over, Rule, When};
use crate::diagnostic::code::UNLOGGED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "unlogged tables",
    sql: include_str!("../sql/pf083.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: UNLOGGED,
    over: Over::Database,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(&ASK, Severity::Warning, "1 table is unlogged", "{} tables are unlogged")
}
