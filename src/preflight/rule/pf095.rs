//! PF095: an extension is older on the target.

use super::{Over, Rule, When};
use crate::diagnostic::code::EXTENSION_OLDER;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static AVAILABLE: Ask = Ask {
    wanted: "the versions of extensions there are",
    sql: include_str!("../sql/pf095.sql"),
    since: 100_000,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EXTENSION_OLDER,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[&AVAILABLE],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let known = look.of_target(&AVAILABLE)?;
    let other = look.rows(&super::pf091::ASK)?.iter().filter_map(|row| {
        let versions: Vec<&str> = known
            .iter()
            .filter(|other| other.text("name") == row.text("name"))
            .map(|other| other.text("version"))
            .collect();
        let lacks = !versions.is_empty() && !versions.contains(&row.text("version"));
        lacks.then(|| {
            format!(
                "{} {}, on the target {}",
                row.text("name"),
                row.text("version"),
                versions.join(", ")
            )
        })
    });
    let other: Vec<String> = other.collect();
    let finding = |other: Vec<String>| {
        Finding::new(
            Severity::Warning,
            "extensions have versions that the target does not have",
        )
        .about(other)
    };
    Ok((!other.is_empty()).then(|| finding(other)).into_iter().collect())
}
