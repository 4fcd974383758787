//! PF069: few connections are free.

use super::{Over, Rule, When};
use crate::diagnostic::code::CONNECTIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the free connections",
    sql: include_str!("../sql/pf069.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: CONNECTIONS,
    over: Over::Both,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("free") < 10 + 4 * look.slots();
    let finding = || {
        Finding::new(
            Severity::Warning,
            format!(
                "{} connections are free, and {} are advised",
                row.number("free"),
                10 + 4 * look.slots()
            ),
        )
    };
    Ok(wrong.then(finding).into_iter().collect())
}
