//! PF073: settings of databases and roles stay behind.

use super::{Over, Rule, When};
use crate::diagnostic::code::SETTINGS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "settings of databases and roles",
    sql: include_str!("../sql/pf073.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SETTINGS,
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
        "1 database or role has settings of its own",
        "{} databases and roles have settings of their own",
    )
}
