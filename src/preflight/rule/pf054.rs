//! PF054: few worker processes are allowed.

use super::{Over, Rule, When};
use crate::diagnostic::code::WORKERS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the worker processes",
    sql: include_str!("../sql/pf054.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: WORKERS,
    over: Over::Both,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("allowed") < 16;
    let finding = || {
        Finding::new(
            Severity::Warning,
            format!(
                "`max_worker_processes` is {}, and 16 are advised",
                row.number("allowed")
            ),
        )
    };
    Ok(wrong.then(finding).into_iter().collect())
}
