//! PF102: a collation does not exist on the target.

use super::{Over, Rule, When};
use crate::diagnostic::code::COLLATIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the collations of columns",
    sql: include_str!("../sql/pf102.sql"),
    since: 0,
    before: ALWAYS,
};

/// What is asked of the target.
pub(crate) static KNOWN: Ask = Ask {
    wanted: "the collations there are",
    sql: include_str!("../sql/pf102_known.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: COLLATIONS,
    over: Over::Database,
    when: When::Always,
    service: &[603_401, 603_402],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[&KNOWN],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let missing = look.lacking(&ASK, &KNOWN)?;
    let missing: Vec<String> = missing.iter().map(|row| row.text("object").to_owned()).collect();
    let finding = |missing: Vec<String>| {
        Finding::new(Severity::Error, "collations of columns do not exist on the target").about(missing)
    };
    Ok((!missing.is_empty()).then(|| finding(missing)).into_iter().collect())
}
