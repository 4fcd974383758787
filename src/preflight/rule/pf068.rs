//! PF068: replication slots can be lost.

use super::{Over, Rule, When};
use crate::diagnostic::code::WAL_KEPT;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "max_slot_wal_keep_size",
    sql: include_str!("../sql/pf068.sql"),
    since: 130_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: WAL_KEPT,
    over: Over::Source,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let rows = look.rows(&ASK)?;
    let limited = rows
        .iter()
        .map(|row| row.number("megabytes"))
        .find(|megabytes| *megabytes >= 0);
    let finding = |megabytes| {
        Finding::new(
            Severity::Warning,
            format!("slots are given up once {megabytes} MB of log are behind them"),
        )
        .mended_on_source("ALTER SYSTEM SET max_slot_wal_keep_size = -1;\nSELECT pg_reload_conf();")
    };
    Ok(limited.map(finding).into_iter().collect())
}
