//! PF091: an extension does not exist on the target.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::EXTENSION_MISSING;
use crate::preflight::facts::{ALWAYS, Ask, Row};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Skip};

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
    let missing = look.lacking(&ASK, &super::pf095::AVAILABLE)?;
    let missing: Vec<String> = missing.iter().map(|row| row.text("name").to_owned()).collect();
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

/// An extension of the database, where it has it.
pub(super) fn installed<'a>(look: &Look<'a>, name: &str) -> Result<Option<&'a Row>, Skip> {
    Ok(look.rows(&ASK)?.iter().find(|row| row.text("name") == name))
}

/// That an extension is in use.
pub(super) fn in_use(severity: Severity, shown: &str, row: &Row) -> Vec<Finding> {
    vec![Finding::new(
        severity,
        format!("{shown} {} is in use", row.text("version")),
    )]
}

/// An error where the target is known to have other major versions of an extension only, and a warning otherwise.
pub(super) fn by_major(look: &Look<'_>, row: &Row) -> Severity {
    fn major(row: &Row) -> Option<&str> {
        row.text("version").split('.').next()
    }
    let offered = look.of_target(&super::pf095::AVAILABLE).unwrap_or_default();
    let mut offered = offered
        .iter()
        .filter(|other| other.text("name") == row.text("name"))
        .peekable();
    if offered.peek().is_some() && !offered.any(|other| major(other) == major(row)) {
        Severity::Error
    } else {
        Severity::Warning
    }
}
