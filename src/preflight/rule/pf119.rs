//! PF119: keys are deferrable.

use super::{Over, Rule, When};
use crate::diagnostic::code::DEFERRABLE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "deferrable keys",
    sql: include_str!("../sql/pf119.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: DEFERRABLE,
    over: Over::Database,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    look.each(&ASK, Severity::Warning, "1 key is deferrable", "{} keys are deferrable")
}
