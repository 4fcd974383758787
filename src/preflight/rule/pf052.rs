//! PF052: too few replication slots are free.

use super::{Over, Rule, When};
use crate::diagnostic::code::SLOTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the replication slots",
    sql: include_str!("../sql/pf052.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SLOTS,
    over: Over::Source,
    when: When::Online,
    service: &[603_105],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("allowed") - row.number("used") < look.slots() + 1;
    let finding = || {
        Finding::new(
            Severity::Error,
            format!(
                "{} of {} replication slots are free, and {} are needed",
                row.number("allowed") - row.number("used"),
                row.number("allowed"),
                look.slots() + 1
            ),
        )
        .mended_on_source(format!(
            "ALTER SYSTEM SET max_replication_slots = {}; -- and restart",
            row.number("used") + look.slots() + 1
        ))
    };
    Ok(wrong.then(finding).into_iter().collect())
}
