//! PF135: the catalog is very large.

use super::{Over, Rule, When};
use crate::diagnostic::code::CATALOG;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the size of the catalog",
    sql: include_str!("../sql/pf135.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: CATALOG,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let number = look.row(&ASK)?.number("number");
    let finding = || Finding::new(Severity::Note, format!("the catalog has {number} relations"));
    Ok((number > 100_000).then(finding).into_iter().collect())
}
