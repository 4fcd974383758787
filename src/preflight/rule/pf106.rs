//! PF106: tables have oids.

use super::{Over, Rule, When};
use crate::diagnostic::code::WITH_OIDS;
use crate::preflight::facts::Ask;
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "tables with oids",
    sql: include_str!("../sql/pf106.sql"),
    since: 0,
    before: 120_000,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: WITH_OIDS,
    over: Over::Database,
    when: When::Always,
    service: &[603_404],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(&ASK, Severity::Error, "1 table has oids", "{} tables have oids")
}
