//! PF077: tablespaces are not kept.

use super::{Over, Rule, When};
use crate::diagnostic::code::TABLESPACES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "tablespaces",
    sql: include_str!("../sql/pf077.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TABLESPACES,
    over: Over::Database,
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
        Severity::Note,
        "1 tablespace is in use",
        "{} tablespaces are in use",
    )
}
