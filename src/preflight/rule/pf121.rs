//! PF121: new partitions are not replayed.

use super::{Over, Rule, When};
use crate::diagnostic::code::PARTITIONS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "partitioned tables",
    sql: include_str!("../sql/pf121.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: PARTITIONS,
    over: Over::Database,
    when: When::Online,
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
        "1 table is partitioned",
        "{} tables are partitioned",
    )
}
