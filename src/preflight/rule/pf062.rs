//! PF062: the user may not publish.

use super::{Over, Rule, When};
use crate::diagnostic::code::PUBLISH;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the user's right to publish",
    sql: include_str!("../sql/pf062.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: PUBLISH,
    over: Over::Database,
    when: When::Online,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let (creates, foreign) = (row.is("creates"), row.number("foreign_tables"));
    let text = match (creates, foreign) {
        (true, 0) => return Ok(Vec::new()),
        (false, 0) => "the user may not create in this database".to_owned(),
        (_, foreign) => format!("{foreign} tables belong to roles that the user is not a member of"),
    };
    Ok(vec![Finding::new(Severity::Note, text)])
}
