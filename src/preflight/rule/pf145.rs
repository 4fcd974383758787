//! PF145: too few replication slots on the target.

use super::{Over, Rule, When};
use crate::diagnostic::code::ORIGINS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Counts, Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the replication slots of the target",
    sql: include_str!("../sql/pf145.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: ORIGINS,
    over: Over::Target,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("allowed") <= look.slots();
    let finding = || {
        Finding::new(
            Severity::Warning,
            format!("`max_replication_slots` of the target is {}", row.number("allowed")),
        )
        .mended_by(
            "max_replication_slots",
            (look.slots() + 2).to_string(),
            Counts::AfterRestart,
        )
    };
    Ok(wrong.then(finding).into_iter().collect())
}
