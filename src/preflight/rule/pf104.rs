//! PF104: the encoding is no proper one.

use super::{Over, Rule, When};
use crate::database::DatabaseName;
use crate::diagnostic::code::ENCODING;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: ENCODING,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[],
    of_server: &[&super::pf047::ASK],
    of_target: &[&super::pf047::ASK],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let name = look.database.map(DatabaseName::as_str).unwrap_or_default();
    let rows = look.of_server(&super::pf047::ASK)?;
    let ours = rows.iter().find(|row| row.text("name") == name);
    let mut found = Vec::new();
    let Some(ours) = ours else { return Ok(found) };
    if ours.text("encoding") == "SQL_ASCII" {
        found.push(Finding::new(Severity::Error, "the database is in SQL_ASCII"));
    }
    let there = look.of_target(&super::pf047::ASK).unwrap_or_default();
    if let Some(other) = there.iter().find(|row| row.text("name") == name)
        && other.text("encoding") != ours.text("encoding")
    {
        let text = format!(
            "the database is in {}, on the target in {}",
            ours.text("encoding"),
            other.text("encoding")
        );
        found.push(Finding::new(Severity::Error, text));
    }
    Ok(found)
}
