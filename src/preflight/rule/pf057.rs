//! PF057: the lock table is too small for a dump.

use super::{Over, Rule, When};
use crate::diagnostic::code::LOCKS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the room for locks",
    sql: include_str!("../sql/pf057.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: LOCKS,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("room") <= row.number("relations");
    let finding = || {
        Finding::new(
            Severity::Error,
            format!(
                "{} relations are to be locked at once, and there is room for {}",
                row.number("relations"),
                row.number("room")
            ),
        )
    };
    Ok(wrong.then(finding).into_iter().collect())
}
