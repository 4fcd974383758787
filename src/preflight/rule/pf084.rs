//! PF084: changes of large objects are not replayed.

use super::{Over, Rule, When};
use crate::diagnostic::code::LARGE_OBJECTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Mode};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "large objects",
    sql: include_str!("../sql/pf084.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: LARGE_OBJECTS,
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
    let severity = match look.mode {
        Mode::Online => Severity::Error,
        Mode::Offline => Severity::Note,
    };
    let finding = || {
        Finding::new(
            severity,
            format!(
                "the database has {} in large objects: {}",
                row.text("size"),
                row.number("number")
            ),
        )
    };
    Ok((row.number("number") > 0).then(finding).into_iter().collect())
}
