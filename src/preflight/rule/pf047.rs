//! PF047: a database cannot be entered.

use super::{Over, Rule, When};
use crate::diagnostic::code::NO_DATABASE;
use crate::preflight::contact::Trouble;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the databases",
    sql: include_str!("../sql/pf047.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NO_DATABASE,
    over: Over::Contact,
    when: When::Always,
    service: &[603_102],
    asks: &[],
    of_server: &[&ASK],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let refused = look.refused_at(&[Trouble::Database])?;
    let finding = |said| Finding::new(Severity::Error, format!("the database cannot be entered: {said}"));
    Ok(refused.map(finding).into_iter().collect())
}
