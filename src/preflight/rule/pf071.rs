//! PF071: the copy may take longer than a migration may run.

use super::{Over, Rule, When};
use crate::database::DatabaseName;
use crate::diagnostic::code::SIZE;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: SIZE,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[],
    of_server: &[&super::pf047::ASK],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let names: Vec<&str> = look.databases.iter().map(DatabaseName::as_str).collect();
    let rows = look.of_server(&super::pf047::ASK)?;
    let chosen = rows.iter().filter(|row| names.contains(&row.text("name")));
    let gigabytes: i64 = chosen.map(|row| row.number("bytes") / 1_000_000_000).sum();
    let hours = gigabytes * 7 / 1_000;
    let finding = || {
        Finding::new(
            Severity::Warning,
            format!("{gigabytes} GB take about {hours} h to copy, and a migration lives for 168 h"),
        )
    };
    Ok((hours >= 140).then(finding).into_iter().collect())
}
