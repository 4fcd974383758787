//! PF100: postgres_fdw does not move.

use super::{Over, Rule, When};
use crate::diagnostic::code::POSTGRES_FDW;
use crate::preflight::facts::Row;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Mode};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: POSTGRES_FDW,
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
        .find(|row| row.text("name") == "postgres_fdw");
    let severity = match look.mode {
        Mode::Online => Severity::Warning,
        Mode::Offline => Severity::Warning,
    };
    let finding = |row: &Row| Finding::new(severity, format!("postgres_fdw {} is in use", row.text("version")));
    Ok(row.map(finding).into_iter().collect())
}
