//! PF076: roles have names that the target refuses.

use super::{Over, Rule, When};
use crate::diagnostic::code::RESERVED_ROLES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the names of roles",
    sql: include_str!("../sql/pf076.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: RESERVED_ROLES,
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
        Severity::Error,
        "1 role has a name that the target refuses",
        "{} roles have names that the target refuses",
    )
}
