//! PF098: TimescaleDB moves offline only.

use super::pf091::{in_use, installed};
use super::{Over, Rule, When};
use crate::diagnostic::code::TIMESCALEDB;
use crate::preflight::finding::Severity;
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
    let severity = match look.mode {
        Mode::Online => Severity::Error,
        Mode::Offline => Severity::Warning,
    };
    let row = installed(look, "timescaledb")?;
    Ok(row.map(|row| in_use(severity, "TimescaleDB", row)).unwrap_or_default())
}
