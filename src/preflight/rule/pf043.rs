//! PF043: pg_hba.conf has lines that do not work.

use super::{Over, Rule, When};
use crate::diagnostic::code::HBA;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "pg_hba.conf",
    sql: include_str!("../sql/pf043.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: HBA,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Warning,
        "1 line of pg_hba.conf is at fault",
        "{} lines of pg_hba.conf are at fault",
    )
}
