//! PF055: wal_sender_timeout cuts slow replays.

use super::{Over, Rule, When};
use crate::diagnostic::code::SENDER_TIMEOUT;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "wal_sender_timeout",
    sql: include_str!("../sql/pf055.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SENDER_TIMEOUT,
    over: Over::Source,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.text("setting") != "0";
    let finding = || {
        Finding::new(
            Severity::Warning,
            format!("`wal_sender_timeout` is {} {}", row.text("setting"), row.text("unit")),
        )
        .mended_on_source("ALTER SYSTEM SET wal_sender_timeout = 0;\nSELECT pg_reload_conf();")
    };
    Ok(wrong.then(finding).into_iter().collect())
}
