//! PF059: new transactions are read only.

use super::{Over, Rule, When};
use crate::diagnostic::code::READ_ONLY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "default_transaction_read_only",
    sql: include_str!("../sql/pf059.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: READ_ONLY,
    over: Over::Source,
    when: When::Always,
    service: &[603_112],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(
        &ASK,
        Severity::Error,
        "new transactions of this user are read only",
        "{} settings make transactions read only",
    )
}
