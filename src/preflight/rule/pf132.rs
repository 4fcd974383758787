//! PF132: text search dictionaries need files.

use super::{Over, Rule, When};
use crate::diagnostic::code::DICTIONARIES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "dictionaries",
    sql: include_str!("../sql/pf132.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: DICTIONARIES,
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
        Severity::Warning,
        "1 dictionary needs files of its own",
        "{} dictionaries need files of their own",
    )
}
