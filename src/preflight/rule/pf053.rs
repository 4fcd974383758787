//! PF053: too few WAL senders are allowed.

use super::{Over, Rule, When};
use crate::diagnostic::code::SENDERS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the WAL senders",
    sql: include_str!("../sql/pf053.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SENDERS,
    over: Over::Source,
    when: When::Online,
    service: &[603_106],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.number("senders") - row.number("used") < look.slots() + 1;
    let finding = || {
        Finding::new(
            Severity::Error,
            format!(
                "`max_wal_senders` is {}, {} are in use, and {} more are needed",
                row.number("senders"),
                row.number("used"),
                look.slots() + 1
            ),
        )
        .mended_on_source(format!(
            "ALTER SYSTEM SET max_wal_senders = {}; -- and restart",
            row.number("used") + look.slots() + 2
        ))
    };
    Ok(wrong.then(finding).into_iter().collect())
}
