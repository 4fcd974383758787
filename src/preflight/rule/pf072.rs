//! PF072: passwords are kept as md5.

use super::{Over, Rule, When};
use crate::diagnostic::code::MD5_PASSWORDS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "how passwords are kept",
    sql: include_str!("../sql/pf072.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: MD5_PASSWORDS,
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
        "1 role has an md5 password",
        "{} roles have md5 passwords",
    )
}
