//! PF091: an extension does not exist on the target.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::EXTENSION_MISSING;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "extensions",
    sql: include_str!("../sql/pf091.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EXTENSION_MISSING,
    over: Over::Database,
    when: When::Always,
    service: &[603_405, 603_408],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[&super::pf095::AVAILABLE],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let known = look.of_target(&super::pf095::AVAILABLE)?;
    let missing = look
        .rows(&ASK)?
        .iter()
        .filter(|row| !known.iter().any(|other| other.text("name") == row.text("name")));
    let missing: Vec<String> = missing.map(|row| row.text("name").to_owned()).collect();
    let finding = |missing: Vec<String>| {
        let script: Vec<String> = missing
            .iter()
            .map(|name| format!("DROP EXTENSION {};", quote_identifier(name)))
            .collect();
        Finding::new(Severity::Error, "extensions do not exist on the target")
            .about(missing)
            .mended_on_source(script.join("\n"))
    };
    Ok((!missing.is_empty()).then(|| finding(missing)).into_iter().collect())
}
