//! PF110: rights on system objects were granted.

use super::{Over, Rule, When};
use crate::diagnostic::code::SYSTEM_GRANTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "rights on system objects",
    sql: include_str!("../sql/pf110.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SYSTEM_GRANTS,
    over: Over::Database,
    when: When::Always,
    service: &[603_410],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 right on a system object was granted",
        "{} rights on system objects were granted",
    )
}
