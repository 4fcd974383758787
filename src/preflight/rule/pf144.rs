//! PF144: a database of the target belongs to others.

use super::{Over, Rule, When};
use crate::database::DatabaseName;
use crate::diagnostic::code::NOT_OWNED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the owners of databases",
    sql: include_str!("../sql/pf144.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NOT_OWNED,
    over: Over::Target,
    when: When::Always,
    service: &[603_117],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let names: Vec<&str> = look.databases.iter().map(DatabaseName::as_str).collect();
    let foreign = look
        .rows(&ASK)?
        .iter()
        .filter(|row| names.contains(&row.text("name")) && !row.is("ours"));
    let foreign: Vec<String> = foreign
        .map(|row| format!("{} of {}", row.text("name"), row.text("owner")))
        .collect();
    let finding =
        |foreign: Vec<String>| Finding::new(Severity::Error, "databases of the target belong to others").about(foreign);
    Ok((!foreign.is_empty()).then(|| finding(foreign)).into_iter().collect())
}
