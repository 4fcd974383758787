//! PF098: TimescaleDB moves offline only.

use super::{Over, Rule, When};
use crate::diagnostic::code::TIMESCALEDB;
use crate::preflight::facts::Row;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Mode};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TIMESCALEDB,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look
        .rows(&super::pf091::ASK)?
        .iter()
        .find(|row| row.text("name") == "timescaledb");
    let severity = match look.mode {
        Mode::Online => Severity::Error,
        Mode::Offline => Severity::Warning,
    };
    let finding = |row: &Row| Finding::new(severity, format!("TimescaleDB {} is in use", row.text("version")));
    Ok(row.map(finding).into_iter().collect())
}
