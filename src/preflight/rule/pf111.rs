//! PF111: roles do not exist on the target.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::ROLES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the roles that objects name",
    sql: include_str!("../sql/pf111.sql"),
    since: 0,
    before: ALWAYS,
};

/// What is asked of the target.
pub(crate) static KNOWN: Ask = Ask {
    wanted: "the roles there are",
    sql: include_str!("../sql/pf111_known.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: ROLES,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[&KNOWN],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let missing = look.lacking(&ASK, &KNOWN)?;
    let missing: Vec<String> = missing.iter().map(|row| row.text("name").to_owned()).collect();
    let finding = |missing: Vec<String>| {
        let script: Vec<String> = missing
            .iter()
            .map(|name| format!("CREATE ROLE {} NOLOGIN;", quote_identifier(name)))
            .collect();
        Finding::new(Severity::Error, "roles that objects name do not exist on the target")
            .about(missing)
            .mended_on_target(script.join("\n"))
    };
    Ok((!missing.is_empty()).then(|| finding(missing)).into_iter().collect())
}
