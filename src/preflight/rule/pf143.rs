//! PF143: the user of the target is a member of many roles.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::MEMBERSHIPS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "memberships of the user",
    sql: include_str!("../sql/pf143.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: MEMBERSHIPS,
    over: Over::Target,
    when: When::Always,
    service: &[603_706],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let rows = look.rows(&ASK)?;
    let user = quote_identifier(look.endpoint.user.as_str());
    let script: Vec<String> = rows
        .iter()
        .map(|row| format!("REVOKE {} FROM {user};", quote_identifier(row.text("name"))))
        .collect();
    let finding = || {
        Finding::new(
            Severity::Warning,
            "the user is a member of roles beside the administrator's",
        )
        .about(rows.iter().map(|row| row.text("name").to_owned()))
        .mended_on_target(script.join("\n"))
    };
    Ok((!rows.is_empty()).then(finding).into_iter().collect())
}
