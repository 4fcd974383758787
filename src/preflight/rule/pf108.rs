//! PF108: objects that only superusers can make.

use super::{Over, Rule, When};
use crate::diagnostic::code::SUPERUSER_OBJECTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "objects of superusers",
    sql: include_str!("../sql/pf108.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SUPERUSER_OBJECTS,
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
        Severity::Error,
        "1 object can be made by superusers only",
        "{} objects can be made by superusers only",
    )
}
