//! PF060: the user may not replicate.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::REPLICATION;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the user's right to replicate",
    sql: include_str!("../sql/pf060.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: REPLICATION,
    over: Over::Source,
    when: When::Online,
    service: &[603_104],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let wrong = !row.is("allowed");
    let finding = || {
        Finding::new(
            Severity::Error,
            format!("`{}` has no right to replicate", row.text("role")),
        )
        .mended_on_source(format!(
            "ALTER ROLE {} REPLICATION;",
            quote_identifier(row.text("role"))
        ))
    };
    Ok(wrong.then(finding).into_iter().collect())
}
