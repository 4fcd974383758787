//! PF141: databases of the target are in use.

use super::{Over, Rule, When};
use crate::database::DatabaseName;
use crate::database::quote_identifier;
use crate::diagnostic::code::IN_USE;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "sessions on the target",
    sql: include_str!("../sql/pf141.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: IN_USE,
    over: Over::Target,
    when: When::Always,
    service: &[603_111, 603_700],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let names: Vec<&str> = look.databases.iter().map(DatabaseName::as_str).collect();
    let busy = look
        .rows(&ASK)?
        .iter()
        .filter(|row| names.contains(&row.text("name")) && !row.is("may_end_them"));
    let busy: Vec<String> = busy
        .map(|row| format!("{}: {} sessions", row.text("name"), row.number("sessions")))
        .collect();
    let finding = |busy: Vec<String>| {
        Finding::new(
            Severity::Error,
            "databases of the target are in use, and the user may not end the sessions",
        )
        .about(busy)
        .mended_on_target(format!(
            "GRANT pg_signal_backend TO {};",
            quote_identifier(look.endpoint.user.as_str())
        ))
    };
    Ok((!busy.is_empty()).then(|| finding(busy)).into_iter().collect())
}
