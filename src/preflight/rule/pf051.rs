//! PF051: wal_level is not logical.

use super::{Over, Rule, When};
use crate::diagnostic::code::WAL_LEVEL;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "wal_level",
    sql: include_str!("../sql/pf051.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: WAL_LEVEL,
    over: Over::Source,
    when: When::Online,
    service: &[603_107],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = row.text("setting") != "logical";
    let finding = || {
        Finding::new(
            Severity::Error,
            format!(
                "`wal_level` is `{}`{}",
                row.text("setting"),
                if row.is("pending_restart") {
                    ", and a change waits for a restart"
                } else {
                    ""
                }
            ),
        )
        .mended_on_source("ALTER SYSTEM SET wal_level = 'logical'; -- and restart")
    };
    Ok(wrong.then(finding).into_iter().collect())
}
