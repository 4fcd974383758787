//! PF107: user-defined casts.

use super::{Over, Rule, When};
use crate::diagnostic::code::CASTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "user-defined casts",
    sql: include_str!("../sql/pf107.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: CASTS,
    over: Over::Database,
    when: When::Always,
    service: &[603_409],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "1 cast is user-defined",
        "{} casts are user-defined",
    )
}
