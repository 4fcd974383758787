//! PF149: the target cannot be written to.

use super::{Over, Rule, When};
use crate::diagnostic::code::NOT_WRITABLE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "whether the target can be written to",
    sql: include_str!("../sql/pf149.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NOT_WRITABLE,
    over: Over::Target,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let text = match (row.is("standby"), row.is("read_only")) {
        (true, _) => "the target is a standby",
        (false, true) => "new transactions on the target are read only",
        (false, false) => return Ok(Vec::new()),
    };
    Ok(vec![Finding::new(Severity::Error, text)])
}
